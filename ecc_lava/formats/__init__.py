"""Integer formats of the chips' neurons and synapses.

A number format says which mantissas, exponents, thresholds, biases and payloads a chip holds; it computes nothing else.
To add one, write a file beside `loihi2` and give it a line in `table`.
"""

from ecc_lava.formats.number_format import NumberFormat
from ecc_lava.formats.table import DEFAULT_FORMAT, FORMATS, number_format

__all__ = ["DEFAULT_FORMAT", "FORMATS", "NumberFormat", "number_format"]
