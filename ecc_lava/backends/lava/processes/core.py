"""A core: the synapses and neurons of its shards, fused in one Process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from ecc_lava.backends.lava.cores.plan import LavaPlan
from ecc_lava.common import Array

__all__ = ["Core", "CoreModel"]


class Core(AbstractProcess):  # type: ignore[misc]
    """One core of a deployment.

    Port ``from_K`` receives the message of node K, for every node that the core hears. Port ``spikes`` sends the core's own message at
    every step; a core on which nothing fires has none. Port ``report`` sends potentials, counts and clips when a window ends.

    Parameters
    ----------
    plan : LavaPlan
    node : int
        The core's number; cores count from 1.
    beat : int64 array (1,)
        Shared memory for the number of steps done.
    counters : int64 array (the core's shards, COUNTERS)
        Shared memory for the counters of the shards.
    overflows : int64 array (the core's shards, OVERFLOW)
        Shared memory for the first overflow of each shard.
    """

    def __init__(self, *, plan: LavaPlan, node: int, beat: Array, counters: Array, overflows: Array) -> None:
        core = plan.cores[node - 1]
        super().__init__(name=core.label, plan=plan, node=node, beat=beat, counters=counters, overflows=overflows)
        for source in core.sources:
            setattr(self, f"from_{source}", InPort(shape=(plan.message(source),)))
        if core.message:
            self.spikes = OutPort(shape=(core.message,))
        self.report = OutPort(shape=(core.report,))


@implements(proc=Core, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class CoreModel(PyLoihiProcessModel):  # type: ignore[misc]
    """Takes the messages of the last step, computes and sends: a message of step t has its effect at t + 1.

    So no process waits for another within a step, and processes on one processor may run in any order, whatever populations they hold. A
    subclass per core adds the types of its ``from_K`` and ``spikes`` ports.
    """

    report: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params: Mapping[str, Any]) -> None:
        super().__init__(proc_params)
        plan: LavaPlan = proc_params["plan"]
        node: int = proc_params["node"]
        core = plan.cores[node - 1]
        self._beat: Array = proc_params["beat"]
        self._counters: Array = proc_params["counters"]
        self._overflows: Array = proc_params["overflows"]
        self._sources, self._sends = core.sources, core.message > 0
        self._arithmetic = plan.arithmetic(node)

    def run_spk(self) -> None:
        """Run one step; Lava counts steps from 1."""
        step = self.time_step - 1
        if step:
            self._arithmetic.receive(step - 1, {source: getattr(self, f"from_{source}").recv() for source in self._sources})
        spikes = self._arithmetic.step(step)
        if self._sends:
            self.spikes.send(spikes)
        report = self._arithmetic.report(step)
        if report is not None:
            self.report.send(report)
        self._counters[...] = self._arithmetic.counters
        self._overflows[...] = self._arithmetic.overflows
        self._beat[0] = self.time_step
