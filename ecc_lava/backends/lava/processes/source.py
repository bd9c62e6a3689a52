"""The source, which sends the encoded images of all inputs, one sample after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from ecc_lava.backends.lava.cores.plan import LavaPlan
from ecc_lava.common import Array

__all__ = ["Source", "SourceModel"]


class Source(AbstractProcess):  # type: ignore[misc]
    """The input populations. Port ``spikes`` sends image n, or its spikes, at the steps nT .. nT+T-1, and zeros after the last image.

    Parameters
    ----------
    plan : LavaPlan
    beat : int64 array (1,)
        Shared memory for the number of steps done.
    """

    def __init__(self, *, plan: LavaPlan, beat: Array) -> None:
        super().__init__(name="source", plan=plan, beat=beat)
        self.spikes = OutPort(shape=(plan.message(0),))


@implements(proc=Source, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class SourceModel(PyLoihiProcessModel):  # type: ignore[misc]
    """Sends graded spikes with 8-bit payloads, the same at every step of a window, or each step's spikes.

    A subclass per deployment adds the type of the port.
    """

    def __init__(self, proc_params: Mapping[str, Any]) -> None:
        super().__init__(proc_params)
        self._plan: LavaPlan = proc_params["plan"]
        self._beat: Array = proc_params["beat"]

    def run_spk(self) -> None:
        """Run one step; Lava counts steps from 1."""
        self.spikes.send(self._plan.source_message(self.time_step - 1))
        self._beat[0] = self.time_step
