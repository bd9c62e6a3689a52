"""Runs the process models of a deployment in one process of the operating system. This is not Lava's runtime.

Lava compiles the same Processes and builds the same ProcessModels with their own ports, unmodified. Only the channels between the ports
differ, which are queues, and the models step one after the other: the source, the cores in the order of the network, the sink. So a
deployment may have more cores than the machine can hold processes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from ecc_lava.common import Array

__all__ = ["OneProcess"]


class _End:
    """One end of a channel, with the methods that Lava's ports use."""

    def __init__(self, name: str, queue: deque[Array]) -> None:
        self.name = name
        self._queue = queue

    def send(self, message: Array) -> None:
        """Put a message into the channel."""
        self._queue.append(message)

    def recv(self) -> Array:
        """Take the oldest message; the order of the models has every message sent before it is taken."""
        return self._queue.popleft()


class OneProcess:
    """The process models of an executable.

    Parameters
    ----------
    executable : lava Executable
    processes : lava Processes
        In the order of stepping. The sink, which takes this step's messages, comes last; the cores may have any order.
    """

    def __init__(self, executable: Any, processes: Sequence[Any]) -> None:
        builders = executable.proc_builders
        for channel in executable.channel_builders:
            queue: deque[Array] = deque()
            sender, receiver = channel.src_port_initializer.name, channel.dst_port_initializer.name
            builders[channel.src_process].set_csp_ports([_End(sender, queue)])
            builders[channel.dst_process].set_csp_ports([_End(receiver, queue)])
        # Lava leaves out a source that no core hears
        self._models = [(process.name, builders[process].build()) for process in processes if process in builders]

    def run(self, steps: int) -> None:
        """Step all models as Lava's protocol does: set the step's number, then run it.

        Raises
        ------
        RuntimeError
            If a model raises anything; the message names the process and the step.
        """
        for step in range(1, steps + 1):
            for name, model in self._models:
                model.time_step = step
                try:
                    model.run_spk()
                except Exception as error:
                    raise RuntimeError(f"{name} failed in step {step}: {type(error).__name__}: {error}") from error
