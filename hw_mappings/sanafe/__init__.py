"""A mapped network and one image as the architecture and network files of SANA-FE, a simulator of spiking chips with energy and time.

SANA-FE is not needed to write them. What its neurons and memories cannot hold is refused by name. Nothing here simulates: what the
files must do comes from the fast back end, and what it costs from `costs`.
"""

from hw_mappings.sanafe.export import export_sanafe
from hw_mappings.sanafe.prices import EventPrices, prices_of

__all__ = ["EventPrices", "export_sanafe", "prices_of"]
