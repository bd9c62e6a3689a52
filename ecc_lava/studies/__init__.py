"""Quantisation studies: many settings of one model on the same images, each run once, and what they cost.

`settings` says what is varied, `problem` holds one model and its images, `running` and `search` choose what runs next,
`trials` keeps what was found, `results` and `show` present it.
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
    "draw",
    "page",
    "require_pyarrow",
    "study",
]
