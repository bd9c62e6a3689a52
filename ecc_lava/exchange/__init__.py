"""Networks in the files of other tools, and theirs as networks of this one.

A network that leaves must spike the same elsewhere: what a format cannot say becomes an equivalent that it can, or is refused by name. This
room quantises nothing and runs nothing. A format is a folder; a new one gets its functions on this door and a line in `docs/exchange.md`.
"""

from ecc_lava.exchange.netx import NetxLayer, NetxNetwork, NetxRun, netx_network, predictions_of, run_netx, to_netx
from ecc_lava.exchange.nir import from_nir, to_nir

__all__ = ["NetxLayer", "NetxNetwork", "NetxRun", "from_nir", "netx_network", "predictions_of", "run_netx", "to_netx", "to_nir"]
