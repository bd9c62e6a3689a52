"""Random mappings, and many deployments in one process, for the tests of deployment; as a program, partition invariance over and over."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecc_lava.backends.lava import run as backend
from ecc_lava.backends.lava.cores.plan import LavaPlan
from ecc_lava.common.arrays import Array
from ecc_lava.networks.integer import QuantisedNetwork
from ecc_lava.networks.shard import Shard
from ecc_lava.networks.wiring import Kind
from hw_mappings import Deployment, Mapping, deploy
from hw_mappings.chips import ChipSpec
from hw_mappings.chips.mesh import Address
from hw_mappings.mapping.core import mapped_cores
from hw_mappings.partition.repeaters import with_repeaters
from hw_mappings.resources.synapses import SynapseModel
from hw_mappings.resources.tiling import tiling_of
from tests.helpers.layered import chip_with
from tests.helpers.networks import random_images, random_network, recoded

__all__ = ["ROOMY", "Case", "assert_equal", "case", "cases", "in_this_process", "random_mapping"]

ROOMY = chip_with(compartments=10**9, memory_bits=None, delay_max=1)
"""A core holds anything, but delays by one step only, so that longer skips take repeaters."""


def random_mapping(rng: np.random.Generator, network: QuantisedNetwork, cores: int, chip: ChipSpec = ROOMY) -> Mapping:
    """Cut every population at random along each axis, in up to three ranges, and deal the shards to cores at random."""
    deployed = with_repeaters(network, chip)
    on_cores = [p for p in deployed.populations if p.kind is not Kind.INPUT]
    tilings = {}
    for p in on_cores:
        cuts = []
        for size in p.shape:
            inner = rng.choice(np.arange(1, size), min(size - 1, int(rng.integers(0, 3))), replace=False) if size > 1 else ()
            cuts.append(list(pairwise([0, *sorted(int(i) for i in inner), size])))
        tilings[p.name] = tiling_of(p.name, p.shape, [Shard(p.name, *spans) for spans in product(*cuts)])
    shards = [shard for tiling in tilings.values() for shard in tiling.shards]
    dealt: list[list[Shard]] = [[] for _ in range(min(cores, len(shards)))]
    for place, index in enumerate(rng.permutation(len(shards)).tolist()):
        dealt[place if place < len(dealt) else int(rng.integers(len(dealt)))].append(shards[index])
    held = [tuple(core) for core in dealt]
    addresses = [Address(0, number) for number in range(len(held))]
    usages = mapped_cores(deployed, tilings, addresses, held, chip, SynapseModel.STRICT)
    return Mapping(network.digest, tuple((p.name, p.shape) for p in on_cores), chip, usages, 1)


@dataclass(frozen=True, eq=False)
class Case:
    """A network, a mapping of it, and images."""

    network: QuantisedNetwork
    mapping: Mapping
    x: dict[str, Array]
    timesteps: int

    def deploy(self, **options: Any) -> Deployment:
        return deploy(self.network, self.mapping, self.x, timesteps=self.timesteps, **options)


def case(seed: int = 1, cores: int = 6, images: int = 2) -> Case:
    """Return a small network on some cores."""
    network = random_network(seed)
    mapping = random_mapping(np.random.default_rng(seed), network, cores)
    return Case(network, mapping, random_images(network, images), network.timesteps)


@st.composite
def cases(draw: Any) -> Case:
    """Draw a deployment: any geometry, skips, step populations, two inputs and readouts, saturation; 1 to 12 cores."""
    seed = draw(st.integers(0, 2**16))
    ports = draw(st.booleans())
    network = random_network(
        seed, draw(st.integers(1, 5)), rails=draw(st.booleans()), ranges=draw(st.booleans()), ports=ports, sparse=draw(st.booleans())
    )
    network = recoded(network, *(draw(st.sampled_from(["graded", "rate", "poisson"])) for _ in range(1 + ports)))
    mapping = random_mapping(np.random.default_rng(seed), network, draw(st.integers(1, 12)))
    return Case(network, mapping, random_images(network, draw(st.integers(1, 2)), seed), draw(st.integers(1, 6)))


def assert_equal(found: Deployment) -> None:
    """Assert that a deployment differs from `fast` in nothing."""
    assert (found.lava_vs_fast.differing_spikes, found.lava_vs_fast.differing_potentials) == (0, 0)
    assert found.counters == found.predicted
    assert found.ok


def in_this_process(plan: LavaPlan, layout: Any, memory: int, shared: dict[str, Array], limits: Any, progress: Any) -> None:
    """Do here what `supervise` has a process of its own do, which takes a second to start."""
    from ecc_lava.backends.lava.host.network import compiled
    from ecc_lava.backends.lava.host.one_process import OneProcess

    OneProcess(*compiled(plan, shared)).run(plan.clock.steps)


def main(examples: int) -> None:
    """Deploy so many random cases in this process."""
    backend.supervise = in_this_process  # type: ignore[attr-defined]
    done = []

    @settings(derandomize=True, deadline=None, max_examples=examples, database=None, suppress_health_check=list(HealthCheck))
    @given(cases())
    def invariant(case: Case) -> None:
        assert_equal(case.deploy(runtime="one-process", sample=0))
        done.append((len(case.mapping.cores), sum(len(core.shards) for core in case.mapping.cores), len(case.mapping.populations)))

    invariant()
    print(len(done), *np.max(done, axis=0))


if __name__ == "__main__":
    main(int(sys.argv[1]))
