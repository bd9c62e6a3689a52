"""Random deployments, and many of them in one process; as a program, partition invariance over and over."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ecc_lava.backends.lava import run as backend
from ecc_lava.backends.lava.cores.plan import LavaPlan
from ecc_lava.backends.simulate import simulate
from ecc_lava.common import BINARY, Payload
from ecc_lava.common.arrays import Array
from ecc_lava.errors import RangeError
from ecc_lava.networks import QuantisedNetwork
from hw_mappings import Deployment, Mapping, deploy
from tests.helpers.compare import assert_deployed_alike
from tests.helpers.networks import random_images, random_network, recoded, with_payloads
from tests.helpers.partitions import random_mapping

__all__ = ["Case", "case", "cases", "in_this_process"]


@dataclass(frozen=True, eq=False)
class Case:
    """A network, a mapping of it, and images."""

    network: QuantisedNetwork
    mapping: Mapping
    x: dict[str, Array]
    timesteps: int

    def deploy(self, **options: Any) -> Deployment:
        return deploy(self.network, self.mapping, self.x, timesteps=self.timesteps, **options)


def case(seed: int = 1, cores: int = 6, images: int = 2, payload: Payload = BINARY) -> Case:
    """Return a small network on some cores."""
    network = random_network(seed)
    network = network if payload == BINARY else with_payloads(network, seed, payload.bits, payload.signed)
    mapping = random_mapping(np.random.default_rng(seed), network, cores)
    return Case(network, mapping, random_images(network, images), network.timesteps)


@st.composite
def cases(draw: Callable[[Any], Any], payloads: bool = False) -> Case:
    """Draw a deployment: any geometry, skips, step populations, two inputs and readouts, saturation; 1 to 12 cores; or with payloads."""
    seed = draw(st.integers(0, 2**16))
    ports = draw(st.booleans())
    network = random_network(
        seed, draw(st.integers(1, 5)), rails=draw(st.booleans()), ranges=draw(st.booleans()), ports=ports, sparse=draw(st.booleans())
    )
    network = with_payloads(network, seed) if payloads else network
    network = recoded(network, *(draw(st.sampled_from(["graded", "rate", "poisson"])) for _ in range(1 + ports)))
    mapping = random_mapping(np.random.default_rng(seed), network, draw(st.integers(1, 12)))
    drawn = Case(network, mapping, random_images(network, draw(st.integers(1, 2)), seed), draw(st.integers(1, 6)))
    assume(not payloads or _is_in_range(drawn))
    return drawn


def _is_in_range(drawn: Case) -> bool:
    try:
        simulate(drawn.network, drawn.x, timesteps=drawn.timesteps)
    except RangeError:
        return False
    return True


def in_this_process(plan: LavaPlan, layout: Any, memory: int, shared: dict[str, Array], limits: Any, progress: Any) -> None:
    """Do here what `supervise` has a process of its own do, which takes a second to start."""
    from ecc_lava.backends.lava.host.network import compiled
    from ecc_lava.backends.lava.host.one_process import OneProcess

    OneProcess(*compiled(plan, shared)).run(plan.clock.steps)


def main(examples: int, payloads: bool) -> None:
    """Deploy so many random cases in this process."""
    backend.supervise = in_this_process  # type: ignore[attr-defined]
    done = []

    @settings(derandomize=True, deadline=None, max_examples=examples, database=None, suppress_health_check=list(HealthCheck))
    @given(cases(payloads))
    def invariant(case: Case) -> None:
        assert_deployed_alike(case.deploy(runtime="one-process", sample=0))
        done.append((len(case.mapping.cores), sum(len(core.shards) for core in case.mapping.cores), len(case.mapping.populations)))

    invariant()
    print(len(done), *np.max(done, axis=0))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] == "payloads")
