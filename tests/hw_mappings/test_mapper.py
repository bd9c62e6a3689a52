"""The mapper: how populations are cut and placed, what does not fit, what is reported."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from math import ceil
from pathlib import Path

import numpy as np
import pytest

from ecc_lava.backends.result import Result
from ecc_lava.backends.simulate import simulate
from ecc_lava.errors import DoesNotFit, InvalidInput
from ecc_lava.geometry import Conv, Dense, Geometry
from ecc_lava.networks import QuantisedNetwork
from hw_mappings import LOIHI1, LOIHI2, load_chip, map_network
from hw_mappings.chips import ChipSpec, Figure, chip_to_json
from hw_mappings.chips.figures import public
from hw_mappings.mapping.deployed import deployed
from hw_mappings.partition.lower_bound import lower_bound_cores
from hw_mappings.partition.misfit import explain_cores
from hw_mappings.partition.repeaters import chip_network
from hw_mappings.partition.search import PartitionSearch
from hw_mappings.placement.traffic import traffic
from hw_mappings.report.page.render import chip_page
from hw_mappings.report.rows import layer_rows, misfit_summary, summary
from hw_mappings.resources.synapses import SynapseModel
from hw_mappings.resources.tiling import even_cut
from hw_mappings.resources.usage import overruns
from tests.helpers.chips import CHIPS, DISCRETE, TINY, chip_with, for_chip
from tests.helpers.networks import chain, random_images, random_network, same_conv

SEEDS = range(12)
SOON = (0, 2, 5, 9, 11)
"""The others run with the slow tests; of these some have several inputs and outputs, some lists of synapses."""


def _vgg16(width: int) -> QuantisedNetwork:
    layers: list[Geometry] = []
    channels = 3
    for repeats, multiple in zip((2, 2, 3, 3, 3), (1, 2, 4, 8, 8), strict=True):
        for _ in range(repeats):
            layers.append(same_conv(channels, width * multiple))
            channels = width * multiple
        layers.append(Conv(np.zeros((2, 2, 1, channels), np.int8), strides=(2, 2), groups=channels))
    layers += [Dense(np.zeros((channels, channels), np.int8)), Dense(np.zeros((channels, 10), np.int8))]
    return chain((32, 32, 3), *layers)


def test_cuts_are_near_equal() -> None:
    for length in range(1, 20):
        for parts in range(1, length + 1):
            spans = even_cut(length, parts)
            assert [n for start, stop in spans for n in range(start, stop)] == list(range(length))
            assert max(b - a for a, b in spans) - min(b - a for a, b in spans) <= 1


@pytest.mark.parametrize("chip", CHIPS.values(), ids=list(CHIPS))
@pytest.mark.parametrize("seed", [*SOON, *(pytest.param(s, marks=pytest.mark.slow) for s in SEEDS if s not in SOON)])
def test_shards_tile_and_every_core_is_within_its_limits(seed: int, chip: ChipSpec) -> None:
    network = for_chip(random_network(seed, ports=seed % 3 == 2, sparse=seed >= 9), chip)
    mapping = map_network(network, chip)
    assert [name for name, _ in mapping.populations] == [p.name for p in network.populations[len(network.inputs) :]]
    for population in network.populations[len(network.inputs) :]:
        times = np.zeros(population.shape, int)
        for shard in mapping.shards_of(population.name):
            times[shard.slices] += 1
        assert (times == 1).all()
    for core in mapping.cores:
        assert not overruns(core.usage, chip)
    assert len({core.address for core in mapping.cores}) == len(mapping.cores)
    assert lower_bound_cores(network, chip) <= len(mapping.cores)
    mapping.check(network)
    if seed in (0, 9):
        assert map_network(network, chip) == mapping


def test_a_chip_file_of_small_cores_forces_many_shards(tmp_path: Path) -> None:
    data = chip_to_json(LOIHI2)
    data["name"] = "small"
    data["figures"]["compartments"] = {"value": 16, "assumed": "a test"}
    path = tmp_path / "small.json"
    path.write_text(json.dumps(data))
    network = chain((8, 8, 1), same_conv(1, 4), Dense(np.zeros((256, 3), np.int8)))
    mapping = map_network(network, load_chip(path))
    assert sorted(core.usage["compartments"] for core in mapping.cores) == [3] + [16] * 16
    assert lower_bound_cores(network, load_chip(path)) == 17 == len(mapping.cores)
    assert len(map_network(network).cores) == 1  # both populations on one


def test_cuts_heed_the_output_axons_of_what_they_feed() -> None:
    network = chain((6, 6, 2), same_conv(2, 4), same_conv(4, 8), Dense(np.zeros((288, 3), np.int8)))
    roomy = replace(DISCRETE, compartments=Figure(36, False, "a test"), memory_bits=Figure(None, False, "a test"))
    narrow = replace(roomy, output_axons=Figure(60, False, "a test"))
    assert max(core.usage["output_axons"] for core in map_network(network, roomy).cores) > 60
    mapping = map_network(network, narrow)
    assert max(core.usage["output_axons"] for core in mapping.cores) <= 60


@pytest.mark.slow
@pytest.mark.parametrize("chip", [LOIHI2, LOIHI1], ids=lambda chip: chip.name)
def test_narrow_vgg16(chip: ChipSpec) -> None:
    network = for_chip(_vgg16(8), chip)
    mapping = map_network(network, chip)
    mapping.check(network)
    assert mapping.lower_bound_cores <= len(mapping.cores) <= 1.3 * mapping.lower_bound_cores
    assert mapping.chips == ceil(len(mapping.cores) / 128)


def test_a_network_of_another_format_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"convert with format='loihi1' \(--format loihi1\), or map to a chip of format 'loihi2'"):
        map_network(random_network(0), LOIHI1)


def test_too_few_input_axons_and_the_change_that_fits() -> None:
    def network(channels: int) -> QuantisedNetwork:
        return chain((5, 5, 3), same_conv(3, channels), same_conv(channels, 4), Dense(np.zeros((100, 3), np.int8)))

    chip = chip_with(input_axons=100, population_atoms=None)
    with pytest.raises(
        DoesNotFit, match=r"'p1' does not fit .* takes 126 input axons, the limit is 100: 26 too many.*11 channels instead of 14 in"
    ):
        map_network(network(14), chip)
    map_network(network(11), chip)
    with pytest.raises(DoesNotFit):
        map_network(network(12), chip)


def test_too_little_memory_and_the_chip_that_fits() -> None:
    network = chain((4, 4, 8), same_conv(8, 4), Dense(np.zeros((64, 3), np.int8)))
    with pytest.raises(DoesNotFit, match=r"'p0' does not fit .* bits of synaptic memory, the limit is 4200: (\d+) too many") as caught:
        map_network(network, chip_with(synapse_bits=4200))
    enough = int(str(caught.value).rsplit(maxsplit=1)[1])
    map_network(network, chip_with(synapse_bits=enough))
    with pytest.raises(DoesNotFit):
        map_network(network, chip_with(synapse_bits=enough - 1))


def test_every_population_that_does_not_fit_is_named_at_once() -> None:
    network = chain((4, 4, 8), same_conv(8, 4), Dense(np.zeros((64, 3), np.int8)))
    with pytest.raises(DoesNotFit, match=r"population 'p0' does not fit .*\npopulation 'readout' does not fit"):
        map_network(network, chip_with(synapse_bits=4000))


def test_too_few_compartments_and_output_axons() -> None:
    network = chain((2, 2, 2), same_conv(2, 2), Dense(np.zeros((8, 3), np.int8)))
    with pytest.raises(DoesNotFit, match="takes 2 compartments, the limit is 1: 1 too many"):
        map_network(network, chip_with(compartments=1, compartments_per_neuron=2))
    with pytest.raises(DoesNotFit, match=r"'p0' does not fit .* takes 3 output axons, the limit is 2: 1 too many"):
        map_network(network, chip_with(compartments=1, output_axons=2))


def test_too_few_cores_and_the_number_of_chips_that_fits() -> None:
    network = chain((8, 8, 1), same_conv(1, 4), Dense(np.zeros((256, 3), np.int8)))
    small = {"compartments": 16, "cores": 6}
    with pytest.raises(DoesNotFit, match=r"at least 17 cores, 2 chip\(s\) tiny of 6 cores have 12: .*5 too many.*'p0' 16.0.*: 3 chips"):
        map_network(network, chip_with(chips=2, **small))
    mapping = map_network(network, chip_with(chips=3, **small))
    held = Counter(core.address.chip for core in mapping.cores)  # which chip has room left depends on the spikes between chips
    assert sorted(held) == [0, 1, 2] and sorted(held.values()) == [5, 6, 6]


@pytest.mark.parametrize("most", [0, 1, 2])
def test_repeaters_where_delays_are_too_long(most: int) -> None:
    network = random_network(54, layers=5, timesteps=8)
    assert max(p.delay for p in network.projections) == 2
    chip = chip_with(delay_max=most)
    on_chip = chip_network(network, chip)
    repeated = on_chip.network
    names = [p.name for p in repeated.populations if "repeater" in p.name]
    assert names == [f"p0.repeater{n}" for n in range(1, 3 - most)]
    assert on_chip.repeats == dict.fromkeys(names, "p0") and [on_chip.origin(n) for n in ("p0", *names)] == ["p0"] * (3 - most)
    assert on_chip is chip_network(network, chip) and (repeated is network) == (not names)
    assert max(p.delay for p in repeated.projections) == most
    images = random_images(network, 5)
    before, after = (simulate(n, images, backend="golden", record=("p3",)) for n in (network, repeated))
    assert (before.raster["p3"] == after.raster["p3"]).all() and np.array_equal(np.asarray(before.readout), np.asarray(after.readout))
    mapping = map_network(network, chip)
    assert set(names) <= {name for name, _ in mapping.populations}
    mapping.check(network)


def test_traffic_is_every_output_axon_and_follows_activity() -> None:
    network = random_network(3)
    chip = replace(TINY, population_atoms=Figure(None, False, "a test"))
    mapping = map_network(network, chip)
    cores = [core.shards for core in mapping.cores]
    on_chip = chip_network(network, chip)
    edges = traffic(on_chip, mapping.tilings, cores, None)
    leaving = np.bincount(edges.sources, edges.messages, len(cores))
    assert leaving.tolist() == [core.usage["output_axons"] for core in mapping.cores]
    logits, none = np.zeros((2, 1)), np.zeros(2, np.int64)
    counts = {p.name: np.full(2, 3 * p.neurons) for p in network.populations[:-1]} | {"readout": none}
    activity = Result("golden", 6, 10, logits, None, counts, none, none, none, none, {}, {})
    assert traffic(on_chip, mapping.tilings, cores, activity).messages.sum() == pytest.approx(3 * leaving.sum())
    maps = {p.name: np.zeros((2, *p.shape), np.uint16) for p in network.populations}
    maps["p0"][:] = 5
    edges = traffic(on_chip, mapping.tilings, cores, replace(activity, counts=maps))
    senders = {number for number, shards in enumerate(cores) if any(shard.population == "p0" for shard in shards)}
    assert set(edges.sources[edges.messages > 0].tolist()) == senders
    with pytest.raises(InvalidInput, match="no spike counts of p0"):
        map_network(network, TINY, activity=replace(activity, spike_counts={}))


def test_report() -> None:
    network = random_network(5)
    mapping = map_network(network, TINY)
    rows = layer_rows(mapping)
    assert [row.name for row in rows] == [p.name for p in network.populations[len(network.inputs) :]]
    assert sum(row.cores for row in rows) >= len(mapping.cores)
    for row in rows:
        assert 1 <= row.cores <= row.tiling[0] * row.tiling[1] * row.tiling[2]
        assert row.utilisation["memory_bits"] is None
        used, most = row.fullest[row.limited_by]
        assert most is not None and used <= most
    figures = summary(deployed(mapping, network), seconds=1.5)
    assert list(figures)[:6] == ["cores", "chips", "lower_bound_cores", "utilisation", "fits", "seconds"]
    assert figures["fits"] is True and figures["cores"] == len(mapping.cores) and figures["seconds"] == 1.5
    assert figures["ratio"] == len(mapping.cores) / mapping.lower_bound_cores
    assert figures["models"]["strict"]["cores"] == len(mapping.cores)
    assert mapping.lower_bound_cores >= figures["models"]["ideal"]["lower_bound_cores"] >= 1
    ways = figures["hops"]
    assert figures["routing"]["way"] == "multicast" and not figures["routing"]["public"] and "brief" in figures["routing"]["source"]
    assert ways["multicast"]["hops"] <= ways["multicast"]["hops_row_major"] <= ways["unicast"]["hops_row_major"]
    assert ways["multicast"]["hops"] <= ways["unicast"]["hops"] == pytest.approx(figures["hop_weighted_messages"])
    assert ways["unicast"]["hops_row_major"] == pytest.approx(figures["hop_weighted_messages_row_major"])
    for hops in ways.values():
        assert 0 < hops["busiest_link"] <= hops["hops"] and 0 <= hops["between_chips"] <= hops["hops"]
    assert all(fraction is None or 0 <= fraction <= 1 for fraction in figures["utilisation"].values())
    assert json.loads(json.dumps(figures)) == json.loads(json.dumps(figures))
    misfit = misfit_summary(network, chip_with(input_axons=1))
    assert list(misfit) == list(figures) and misfit["fits"] is False and misfit["models"]["strict"]["cores"] is None


def test_a_report_searches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_network(5)
    on_cores = deployed(map_network(network, TINY), network)
    monkeypatch.delattr(PartitionSearch, "best")
    for model, other in (("strict", "ideal"), ("ideal", "strict")):
        misfit = misfit_summary(network, TINY, model)["models"]
        assert misfit[model]["cores"] is None and list(misfit[other]) == ["lower_bound_cores"]
    assert list(summary(on_cores)["models"]) == ["strict", "ideal"]
    chip_page(on_cores.mapping, network)


def test_ideal_memory_needs_no_more_cores() -> None:
    network = for_chip(chain((8, 8, 8), same_conv(8, 32), same_conv(32, 32), Dense(np.zeros((2048, 10), np.int8))), LOIHI1)
    strict, ideal = (map_network(network, LOIHI1, synapse_model=model) for model in ("strict", "ideal"))
    assert len(ideal.cores) <= len(strict.cores)
    for core in ideal.cores:
        assert core.usage["synapse_bits"] <= 8 * 131072
    ideal.check(network)


def test_the_mapper_tells_its_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hw_mappings.placement.tree_annealing._QUIET_S", float("inf"))  # on a slow machine even this placement is told
    told: list[tuple[str, int, int]] = []
    mapping = map_network(for_chip(random_network(1), TINY), TINY, progress=lambda *step: told.append(step))
    assert told[0] == (f"cutting populations into shards, at least {mapping.lower_bound_cores} cores on 1 chip(s)", 0, 5)
    assert told[-2:] == [("placing cores", 0, 0), ("placing cores", 1, 1)]
    assert {name for name, *_ in told[1:-2]} <= {told[0][0], "filling cores"}
    assert all(0 <= done <= total for _, done, total in told)


def test_a_budget_of_cores() -> None:
    """What no mapping can reach is refused by the bound, with the layers that take most; what the search misses, after it."""
    network = for_chip(random_network(1), TINY)
    mapping = map_network(network, TINY)
    cores, bound = len(mapping.cores), mapping.lower_bound_cores
    assert map_network(network, TINY, max_cores=cores) == mapping
    told: list[str] = []
    with pytest.raises(DoesNotFit, match=rf"at least {bound} cores, max_cores is {bound - 1}: at least 1 too many.*largest populations"):
        map_network(network, TINY, max_cores=bound - 1, progress=lambda stage, *_: told.append(stage))
    assert not told
    if bound < cores:
        with pytest.raises(DoesNotFit, match=rf"needs {cores} cores, max_cores is {cores - 1}: 1 too many.*max_cores of {cores}"):
            map_network(network, TINY, max_cores=cores - 1)
    for wrong in (0, -3, True, 2.5):
        with pytest.raises(InvalidInput, match="max_cores must be a whole number of at least 1"):
            map_network(network, TINY, max_cores=wrong)  # type: ignore[arg-type]


def test_unknown_synapse_model() -> None:
    with pytest.raises(InvalidInput, match="synapse model 'loose' is not known; known: strict, ideal"):
        map_network(random_network(3), synapse_model="loose")


def test_too_many_cores_for_a_board_whose_first_chip_is_blocked() -> None:
    blocked = tuple((0, core) for core in range(128))
    two = replace(LOIHI2, chips=public(2, "x"), board_columns=public(2, "x"), board_rows=public(1, "x"), blocked=blocked)
    assert "300 cores, 2 chip(s) loihi2 of 128 cores have 128: 172 too many" in explain_cores(two, 300, two.cores_in_all, {"a": 300})


def test_a_population_stays_pending_until_its_earliest_source_is_cut_however_projections_are_listed() -> None:
    network = random_network(9)
    order = [p.name for p in network.populations]
    assert any(len(network.into(name)) > 1 for name in order)
    for projections in (network.projections, network.projections[::-1]):
        search = PartitionSearch(replace(network, projections=projections), TINY, SynapseModel.STRICT)
        for target, source in search._last_use.items():
            assert source == min((p.source for p in network.into(target)), key=order.index)
