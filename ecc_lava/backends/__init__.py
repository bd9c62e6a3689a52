"""Back ends: functions of one signature that run a network on encoded input, and `simulate`, which runs any of them on images.

`golden` is plain and obvious numpy, and every other integer back end equals it bit for bit. This room changes no network.
To add a back end, write a file or folder here and give it one record in `table`; `tests/backends/test_table.py` then runs it.
"""

from ecc_lava.backends.activity import Recording
from ecc_lava.backends.closed_form import even_counts
from ecc_lava.backends.collecting import as_result, compact_raster
from ecc_lava.backends.counting import EVENTS, EventTally
from ecc_lava.backends.lava.cores.plan import CorePlan, LavaPlan
from ecc_lava.backends.lava.cores.planning import lava_plan
from ecc_lava.backends.lava.cores.shard_plan import ShardPlan
from ecc_lava.backends.lava.cores.synapses import Listed, ShardSynapses, Taps
from ecc_lava.backends.lava.run import LAVA, ONE_PROCESS, RUNTIMES, ShardRun, ShardRunOptions, run_counted
from ecc_lava.backends.parts import readable_by_all
from ecc_lava.backends.result import Result, agreement, largest_logit, logits_of_images, output_error, sent_at_steps
from ecc_lava.backends.sending import sent_by_inputs
from ecc_lava.backends.simulate import simulate
from ecc_lava.backends.table import BACKENDS, BackEnd, Network

__all__ = [
    "BACKENDS",
    "EVENTS",
    "LAVA",
    "ONE_PROCESS",
    "RUNTIMES",
    "BackEnd",
    "CorePlan",
    "EventTally",
    "LavaPlan",
    "Listed",
    "Network",
    "Recording",
    "Result",
    "ShardPlan",
    "ShardRun",
    "ShardRunOptions",
    "ShardSynapses",
    "Taps",
    "agreement",
    "as_result",
    "compact_raster",
    "even_counts",
    "largest_logit",
    "lava_plan",
    "logits_of_images",
    "output_error",
    "readable_by_all",
    "run_counted",
    "sent_at_steps",
    "sent_by_inputs",
    "simulate",
]
