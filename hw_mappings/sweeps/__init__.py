"""What the same network needs on other chips, at other widths and payloads, and how much larger cores would have to be.

Resources alone are counted: no core is placed, and no accuracy is measured. `variants` quantises the network anew, `rows` plans each
variant on each chip, `sensitivity` lets the limits of one chip's cores grow, and `picture` draws both.
"""

from hw_mappings.sweeps.growing import GROWTHS
from hw_mappings.sweeps.picture import PICTURES, draw
from hw_mappings.sweeps.rows import SweepRow
from hw_mappings.sweeps.sensitivity import LimitGrowth, LimitSensitivity
from hw_mappings.sweeps.sweep import Sweep, sweep
from hw_mappings.sweeps.variants import WIDTHS, requantised, with_sign

__all__ = [
    "GROWTHS",
    "PICTURES",
    "WIDTHS",
    "LimitGrowth",
    "LimitSensitivity",
    "Sweep",
    "SweepRow",
    "draw",
    "requantised",
    "sweep",
    "with_sign",
]
