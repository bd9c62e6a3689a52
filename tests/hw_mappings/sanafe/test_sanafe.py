"""Files of SANA-FE: replayed by its neuron's equation, and by SANA-FE itself where it is installed, they do what they promise."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecc_lava.backends import simulate
from ecc_lava.common import Array
from ecc_lava.errors import FileError, InvalidInput, InvalidNetwork, RangeError
from ecc_lava.geometry import Conv, Dense
from ecc_lava.networks import Kind, QuantisedNetwork
from hw_mappings import LOIHI1, LOIHI2, ChipSpec, Mapping, export_sanafe
from hw_mappings.sanafe import EventPrices, prices_of
from tests.helpers.chips import chip_with
from tests.helpers.networks import (
    ZERO,
    Neurons,
    Wire,
    chain,
    integer_network,
    random_images,
    random_network,
    recoded,
    same_conv,
    with_payloads,
)
from tests.helpers.partitions import random_mapping
from tests.helpers.sanafe import replay, run_in_sanafe


def _wide() -> QuantisedNetwork:
    """Return a network of 2,502 neurons, with a delay, of whose 1,250 inputs most fire."""
    rng = np.random.default_rng(0)
    conv, further, dense = (rng.integers(-3, 5, shape).astype(np.int8) for shape in ((3, 3, 1, 1), (3, 3, 1, 1), (1250, 2)))
    convs = [Conv(kernel, padding=(1, 1, 1, 1)) for kernel in (conv, further)]
    return replace(recoded(chain((25, 50, 1), *convs, Dense(dense), skip=True), "rate"), timesteps=4)


def _saturating() -> QuantisedNetwork:
    """Return a network of a neuron that three others hold at the lower end of the potential, and that the fourth lifts from there."""
    shapes = {"input": (1, 1, 1), "p0": (1, 1, 4), "p1": (1, 1, 1), "readout": (1, 1, 1)}
    silent, held, out = (np.array(rows, np.int8) for rows in ([[0] * 4], [[-127], [-127], [-127], [127]], [[1]]))
    wires = [Wire(a, b, 7, Dense(rows)) for (a, b), rows in zip(pairwise(shapes), (silent, held, out), strict=True)]
    starts = np.array([10, 10, 10, 40], np.int32)[None, None] * 1000  # spikes of p0 without input, one a step
    neurons = {
        "input": Neurons(Kind.INPUT),
        "p0": Neurons(Kind.IF, vth=ZERO + 1000, v_init=starts),
        "p1": Neurons(Kind.IF, vth=ZERO + 1_100_000),
        "readout": Neurons(Kind.READOUT),
    }
    return integer_network(shapes, wires, lambda name, _: neurons[name], timesteps=32)


SPECIAL = {
    "a core of three units": (_wide, 1, 3),
    "two cores of two units": (_wide, 2, 2),
    "potentials that saturate below": (_saturating, 2, 1),
}
"""Networks, cores, and units of a core."""


def _special(name: str, folder: Path) -> dict[str, Any]:
    make, cores, _ = SPECIAL[name]
    network = make()
    return export_sanafe(network, random_mapping(np.random.default_rng(1), network, cores), _image(network), folder)


def _written(seed: int, folder: Path, coding: str = "graded", cores: int = 5, **made: Any) -> dict[str, Any]:
    network = recoded(random_network(seed, **made), *(coding,) * (2 if made.get("ports") else 1))
    mapping = random_mapping(np.random.default_rng(seed), network, cores)
    return export_sanafe(network, mapping, _image(network, seed), folder)


def _image(network: QuantisedNetwork, seed: int = 0) -> dict[str, Array]:
    """Return an image of numbers up to 255, or 31 where they are currents, which are sent as they are."""
    images = random_images(network, 1, seed)
    of = zip(network.inputs, network.codings, strict=True)
    return {p.name: images[p.name].astype(np.float32) // (8 if coding.kind == "graded" else 1) for p, coding in of}


CASES = [
    (0, "graded", {}),
    (1, "rate", {}),
    (4, "poisson", {"sparse": True}),
    (9, "rate", {"ranges": True}),
    (6, "graded", {"ranges": True}),
]


@pytest.mark.parametrize(("seed", "coding", "made"), CASES)
def test_the_files_do_what_they_promise(seed: int, coding: str, made: dict[str, bool], tmp_path: Path) -> None:
    _keeps_its_promises(tmp_path / "out", _written(seed, tmp_path / "out", coding, **made))


@pytest.mark.parametrize("name", SPECIAL)
def test_files_of_large_cores_and_saturating_potentials_do_too(name: str, tmp_path: Path) -> None:
    _keeps_its_promises(tmp_path / "out", _special(name, tmp_path / "out"))
    text = (tmp_path / "out" / "architecture.yaml").read_text()
    units = SPECIAL[name][2]
    assert f'"neuron[0..{units - 1}]"' in text and f'"dendrite[0..{units - 1}]"' in text
    assert f"max_neurons_supported: {units * 1024}" in text


def test_saturation_below_is_what_the_case_has() -> None:
    network = _saturating()
    result = simulate(network, _image(network), record=["p1"])
    assert result.saturated_low["p1"] > 0 and result.spike_counts["p1"].sum() > 0


def _keeps_its_promises(folder: Path, about: dict[str, Any]) -> None:
    expected = Counter((folder / "expected_spikes.csv").read_text().split()[1:])
    lines, readouts, counts = replay(folder, about)
    assert lines == expected
    assert expected.total() == about["spikes"] > 0
    assert readouts == {group: [n + 0.5 for n in ours] for group, ours in about["readouts"].items()}
    assert counts == {"events": about["synaptic_events"], "messages": about["messages"] + about["host_spikes"]}
    assert about == json.loads((folder / "sanafe.json").read_text())


needs_sanafe = pytest.mark.skipif(find_spec("sanafe") is None, reason="needs SANA-FE: uv run --group sanafe")


@needs_sanafe
@pytest.mark.parametrize(("seed", "coding", "made"), [*CASES, (9, "graded", {}), (11, "rate", {"layers": 6})])
def test_sana_fe_spikes_the_same(seed: int, coding: str, made: dict[str, bool], tmp_path: Path) -> None:
    _is_the_same_in_sanafe(tmp_path / "out", _written(seed, tmp_path / "out", coding, **made))


@needs_sanafe
@pytest.mark.parametrize("name", SPECIAL)
def test_sana_fe_spikes_the_same_on_large_cores_and_where_potentials_saturate(name: str, tmp_path: Path) -> None:
    _is_the_same_in_sanafe(tmp_path / "out", _special(name, tmp_path / "out"))


@needs_sanafe
def test_units_of_a_core_take_their_neurons_one_after_another_at_the_same_price(tmp_path: Path) -> None:
    network = _wide()
    mapping = random_mapping(np.random.default_rng(1), network, 1)
    prices = EventPrices(latency_access_neuron=1e-9, energy_access_neuron=1e-12, energy_process_spike=2e-12)
    about = export_sanafe(network, mapping, _image(network), tmp_path / "out", prices=prices)
    found = run_in_sanafe(tmp_path / "out", "simple").found
    accesses = about["neurons"] * about["steps"]
    rounding = (accesses + about["synaptic_events"]) * 2.0**-53  # of as many sums of positive numbers
    assert found["sim_time"] == pytest.approx(accesses * 1e-9, rel=rounding)
    assert found["energy"]["soma"] == pytest.approx(accesses * 1e-12, rel=rounding)
    assert found["energy"]["synapse"] == pytest.approx(about["synaptic_events"] * 2e-12, rel=rounding)


def _is_the_same_in_sanafe(folder: Path, about: dict[str, Any]) -> None:
    run = run_in_sanafe(folder)
    assert (run.differing, run.first) == (0, None)
    assert run.readouts == {group: [n + 0.5 for n in ours] for group, ours in about["readouts"].items()}
    assert run.found["spikes"] == about["synaptic_events"]
    assert run.found["packets_sent"] == about["messages"] + about["host_spikes"]
    assert run.found["neurons_updated"] == about["neurons"] * about["steps"] + about["host_spikes"]


def test_prices_are_the_chips_and_tiles_those_of_its_mesh(tmp_path: Path) -> None:
    prices = prices_of(LOIHI1, 0.5)
    assert prices.energy_process_spike == pytest.approx(23.6e-12)
    assert prices.energy_access_neuron + prices.energy_update_neuron == pytest.approx(2 * 81e-12)
    assert prices.latency_sync == pytest.approx((113e-9 + 465e-9) / 2)
    assert prices_of(LOIHI2, 0.5) == EventPrices()  # Loihi 2 publishes none
    network = random_network(3)
    mapping = random_mapping(np.random.default_rng(3), network, 4)
    about = export_sanafe(network, mapping, random_images(network, 1), tmp_path / "out", prices=EventPrices(energy_message_out=1.0))
    assert {name for name, price in about["prices"].items() if price} == {"energy_message_out"}
    text = (tmp_path / "out" / "architecture.yaml").read_text()
    width, height = (int(n) for n in re.findall(r"(?:width|height): (\d+)", text))
    ranges = [(int(a), int(b)) for a, b in re.findall(r"name: tile\[(\d+)\.\.(\d+)\]", text)]
    assert [n for a, b in ranges for n in range(a, b + 1)] == list(range(width * height))
    assert "energy_message_out: 1.000000e+00" in text and "energy_message_out: 0.000000e+00" in text  # a core's, and the host's


def _mapped(network: QuantisedNetwork, chip: ChipSpec = LOIHI2) -> Mapping:
    return random_mapping(np.random.default_rng(0), network, 3, chip)


def test_what_it_cannot_say_is_refused_by_name(tmp_path: Path) -> None:
    steps, rails, plain = random_network(2, ports=True), random_network(7, rails=True), random_network(5)
    payloads = with_payloads(random_network(1), 1, 3, signed=False)
    for network, images, error, message in (
        (
            payloads,
            1,
            InvalidInput,
            "p0, p1, p2, p3: spikes carry payloads of 3 bits; its spikes are binary. Convert with --payload-bits 1",
        ),
        (steps, 1, InvalidInput, "a step population keeps no potential"),
        (plain, 2, InvalidInput, "2 images; SANA-FE's network file has the input of one"),
        (rails, 1, RangeError, "saturate above, where SANA-FE's do not; convert with --bits 6: each bit less halves"),
    ):
        with pytest.raises(error, match=message):
            export_sanafe(network, _mapped(network), random_images(network, images), tmp_path / "out")
    with pytest.raises(InvalidNetwork, match="this mapping is of the network"):
        export_sanafe(plain, _mapped(random_network(6)), random_images(plain, 1), tmp_path / "out")
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(FileError, match="is not a folder"):
        export_sanafe(plain, _mapped(plain), random_images(plain, 1), tmp_path / "mine")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_longer_delays_are_refused_and_repeaters_are_written(tmp_path: Path) -> None:
    long = chain((3, 3, 1), *(same_conv(1, 1) for _ in range(8)), Dense(np.zeros((9, 2), np.int8)), skip=True)
    with pytest.raises(InvalidInput, match=r"p0 -> readout \(7\): a delay of so many steps; its dendrites delay by at most 5"):
        export_sanafe(long, _mapped(long), random_images(long, 1), tmp_path / "out")
    network = random_network(9, layers=5)
    about = export_sanafe(network, _mapped(network, chip_with(delay_max=0)), random_images(network, 1), tmp_path / "out")
    assert any("repeater" in p["population"] for p in about["populations"])
    lines, _, _ = replay(tmp_path / "out", about)
    assert lines == Counter((tmp_path / "out" / "expected_spikes.csv").read_text().split()[1:])
    assert any("repeater" in line for line in lines)
