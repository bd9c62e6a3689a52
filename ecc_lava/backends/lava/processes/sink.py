"""The sink: collects the messages of every core into the results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.process.ports.ports import InPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from ecc_lava.backends.lava.cores.plan import LavaPlan
from ecc_lava.backends.lava.cores.recorder import Recorder
from ecc_lava.common import Array

__all__ = ["Sink", "SinkModel"]


class Sink(AbstractProcess):  # type: ignore[misc]
    """Receives every core's reports, and the spikes of recorded populations.

    Port ``report_K`` receives from core K, and port ``spikes_K`` from core K if its spikes are recorded.

    Parameters
    ----------
    plan : LavaPlan
    results : mapping of arrays
        Shared memory, laid out by `host.memory.plan_layout`.
    beat : int64 array (1,)
        Shared memory for the number of steps done.
    """

    def __init__(self, *, plan: LavaPlan, results: Mapping[str, Array], beat: Array) -> None:
        super().__init__(name="sink", plan=plan, results=results, beat=beat)
        for node, core in enumerate(plan.cores, 1):
            setattr(self, f"report_{node}", InPort(shape=(core.report,)))
            if core.recorded:
                setattr(self, f"spikes_{node}", InPort(shape=(core.message,)))


@implements(proc=Sink, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class SinkModel(PyLoihiProcessModel):  # type: ignore[misc]
    """Receives and stores; a subclass per deployment adds the types of the ports."""

    def __init__(self, proc_params: Mapping[str, Any]) -> None:
        super().__init__(proc_params)
        plan: LavaPlan = proc_params["plan"]
        results: Mapping[str, Array] = proc_params["results"]
        self._beat: Array = proc_params["beat"]
        self._recorders = [(node, core.recorded, Recorder(core, plan.clock, results)) for node, core in enumerate(plan.cores, 1)]

    def run_spk(self) -> None:
        """Run one step; Lava counts steps from 1."""
        step = self.time_step - 1
        for node, recorded, recorder in self._recorders:
            if recorded:
                recorder.spikes(step, getattr(self, f"spikes_{node}").recv())
            if recorder.expects_report(step):
                recorder.report(step, getattr(self, f"report_{node}").recv())
        self._beat[0] = self.time_step
