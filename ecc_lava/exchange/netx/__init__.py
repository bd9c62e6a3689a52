"""netx, the HDF5 networks that lava-dl's `netx` brings to Lava: a chain of layers, one threshold a layer, reset to zero.

Its neuron is not this tool's, so that a network changes when it is written: `run_netx` runs it as lava-dl will. lava-dl is not needed.
"""

from ecc_lava.exchange.netx.layers import NetxLayer, NetxNetwork, netx_network
from ecc_lava.exchange.netx.neuron import NetxRun, predictions_of, run_netx
from ecc_lava.exchange.netx.writing import to_netx

__all__ = ["NetxLayer", "NetxNetwork", "NetxRun", "netx_network", "predictions_of", "run_netx", "to_netx"]
