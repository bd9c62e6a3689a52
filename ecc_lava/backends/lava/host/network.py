"""Makes connected Lava processes from a plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ecc_lava.backends.lava.cores.plan import SLOTS, LavaPlan
from ecc_lava.backends.lava.importing import import_lava
from ecc_lava.common import Array

__all__ = ["compiled", "runtime_of"]


def _with_ports(model: type[Any], into: Mapping[str, Any], out: Mapping[str, Any]) -> type[Any]:
    """Return a subclass of a ProcessModel with ports for one Process: name -> dtype of what passes."""
    from lava.magma.core.model.py.ports import PyInPort, PyOutPort
    from lava.magma.core.model.py.type import LavaPyType

    ports = {name: LavaPyType(PyInPort.VEC_DENSE, dtype) for name, dtype in into.items()}
    return type(model.__name__, (model,), {**ports, **{name: LavaPyType(PyOutPort.VEC_DENSE, dtype) for name, dtype in out.items()}})


def compiled(plan: LavaPlan, shared: Mapping[str, Array]) -> tuple[Any, list[Any]]:
    """Build, connect and compile the processes of `plan`. The first call imports Lava.

    Parameters
    ----------
    plan : LavaPlan
    shared : mapping of arrays
        Laid out by `memory.plan_layout`.

    Returns
    -------
    executable : lava Executable
    processes : list of lava Processes
        Source, cores, sink.
    """
    import_lava()
    from lava.magma.core.run_configs import Loihi2SimCfg

    from ecc_lava.backends.lava.processes.core import Core, CoreModel
    from ecc_lava.backends.lava.processes.sink import Sink, SinkModel
    from ecc_lava.backends.lava.processes.source import Source, SourceModel

    beats, dtype = shared["steps"], plan.message_type
    nodes: list[Any] = [Source(plan=plan, beat=beats[:1])]
    nodes += [
        Core(
            plan=plan,
            node=node,
            beat=beats[node : node + 1],
            counters=shared["counters"][plan.rows(node)],
            overflows=shared["overflows"][plan.rows(node)],
        )
        for node in range(1, len(plan.cores) + 1)
    ]
    sink = Sink(plan=plan, results=shared, beat=beats[-1:])
    models: dict[Any, type[Any]] = {nodes[0]: _with_ports(SourceModel, {}, {"spikes": dtype})}
    inputs: dict[str, Any] = {}
    for node, core in enumerate(plan.cores, 1):
        for source in core.sources:
            nodes[source].spikes.connect(getattr(nodes[node], f"from_{source}"))
        nodes[node].report.connect(getattr(sink, f"report_{node}"))
        inputs[f"report_{node}"] = np.int32
        if core.recorded:
            nodes[node].spikes.connect(getattr(sink, f"spikes_{node}"))
            inputs[f"spikes_{node}"] = dtype
        into = {f"from_{source}": dtype for source in core.sources}
        models[nodes[node]] = _with_ports(CoreModel, into, {"spikes": dtype} if core.message else {})
    models[sink] = _with_ports(SinkModel, inputs, {})
    # with a model for every Process, Lava does not search the modules beside each Process
    config = Loihi2SimCfg(select_tag="fixed_pt", exception_proc_model_map=models)
    return sink.compile(config, {"pypy_channel_size": SLOTS}), [*nodes, sink]


def runtime_of(executable: Any) -> Any:
    """Return Lava's runtime for an executable, not initialised: no process has started."""
    from lava.magma.core.process.message_interface_enum import ActorType
    from lava.magma.runtime.runtime import Runtime

    runtime = Runtime(executable, ActorType.MultiProcessing)
    executable.assign_runtime_to_all_processes(runtime)
    return runtime
