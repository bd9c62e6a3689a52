"""What SANA-FE's models cannot do, and how to get a network that they can."""

from __future__ import annotations

from ecc_lava.common import BINARY, by_reason
from ecc_lava.errors import InvalidInput
from ecc_lava.geometry import fan_out
from ecc_lava.networks import Kind, QuantisedNetwork, refuse_stream
from hw_mappings.sanafe.architecture import DELAY_MAX

__all__ = ["refuse"]

_SYNAPSES_MAX = 2**24
"""Its files have a line of some thirty bytes for each synapse."""

_DELAYS = (
    f"a delay of so many steps; its dendrites delay by at most {DELAY_MAX}. Map to a chip file with delay_max {DELAY_MAX}, which has "
    "repeaters (docs/exchange.md has the line that writes one)"
)


def refuse(network: QuantisedNetwork) -> None:
    """Refuse what cannot be written, all of it named at once.

    Parameters
    ----------
    network : QuantisedNetwork
        With the repeaters of the mapping's chip.

    Raises
    ------
    InvalidInput
        If there is such a thing.
    """
    refuse_stream(network, "SANA-FE")
    found = []
    for p in network.populations:
        if p.kind is Kind.STEP:
            found.append((p.name, "a step population keeps no potential; SANA-FE's neurons do. Use ReLUs in its place"))
        if p.kind is not Kind.INPUT and p.payload != BINARY:
            found.append((p.name, f"spikes carry payloads of {p.payload.bits} bits; its spikes are binary. Convert with --payload-bits 1"))
    for q in network.projections:
        if q.delay > DELAY_MAX and network.by_name[q.source].kind is not Kind.INPUT:
            found.append((f"{q.source} -> {q.target} ({q.delay})", _DELAYS))
    reasons = by_reason(found)
    synapses = sum(int(fan_out(q.geometry, network.by_name[q.source].shape).sum()) for q in network.projections)
    if synapses > _SYNAPSES_MAX:
        reasons.append(f"{synapses} synapses; a file lists every one, and at most {_SYNAPSES_MAX} are written. Export a smaller network")
    if reasons:
        raise InvalidInput(
            f"SANA-FE cannot say {len(reasons)} thing(s) of this mapping:\n" + "\n".join(f"  {reason}" for reason in reasons)
        )
