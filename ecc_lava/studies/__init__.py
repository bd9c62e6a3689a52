"""Quantisation studies: many settings of one model on the same images, each run once, with accuracy and costs.

`settings` says what varies, `problem` runs one setting, `running` and `search` choose the next setting, `trials` keeps the results, and
`results` and `show` present them. Nothing here maps a network to a chip: a mapper is passed in. To add an objective, give it a line in
`objectives`; to add a sampler, give it a line in `search.samplers`.
"""

from ecc_lava.studies.objectives import OBJECTIVES
from ecc_lava.studies.problem import Mapper
from ecc_lava.studies.results import StudyResult, require_pyarrow
from ecc_lava.studies.run import study
from ecc_lava.studies.running import TrialProgress
from ecc_lava.studies.search.samplers import SAMPLERS
from ecc_lava.studies.search.search import Search
from ecc_lava.studies.show.page import page
from ecc_lava.studies.show.picture import draw
from ecc_lava.studies.trials.addresses import address_of
from ecc_lava.studies.trials.trial import Mapped, Trial

__all__ = [
    "OBJECTIVES",
    "SAMPLERS",
    "Mapped",
    "Mapper",
    "Search",
    "StudyResult",
    "Trial",
    "TrialProgress",
    "address_of",
    "draw",
    "page",
    "require_pyarrow",
    "study",
]
