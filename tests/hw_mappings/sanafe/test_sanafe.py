"""Files of SANA-FE: replayed by its neuron's equation, and by SANA-FE itself where it is installed, they do what they promise."""

from __future__ import annotations

import json
import re
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecc_lava.errors import FileError, InvalidInput, InvalidNetwork, RangeError
from ecc_lava.geometry import Dense
from ecc_lava.networks import QuantisedNetwork
from hw_mappings import LOIHI1, LOIHI2, ChipSpec, Mapping, export_sanafe
from hw_mappings.sanafe import EventPrices, prices_of
from tests.helpers.chips import chip_with
from tests.helpers.networks import chain, random_images, random_network, recoded, same_conv, with_payloads
from tests.helpers.partitions import random_mapping
from tests.helpers.sanafe import run_in_sanafe


def _written(seed: int, folder: Path, coding: str = "graded", cores: int = 5, **made: Any) -> dict[str, Any]:
    network = recoded(random_network(seed, **made), *(coding,) * (2 if made.get("ports") else 1))
    mapping = random_mapping(np.random.default_rng(seed), network, cores)
    return export_sanafe(network, mapping, random_images(network, 1, seed), folder)


def replay(folder: Path, about: dict[str, Any]) -> tuple[Counter[str], dict[str, list[float]], Counter[str]]:
    """Do what SANA-FE does; return the lines of its trace, the readouts' potentials, and how many events and messages it counts."""
    text = (folder / "network.yaml").read_text()
    groups: dict[str, list[tuple[int, int, float]]] = {}
    trains: dict[str, list[int]] = {}
    name = ""
    for line in text[: text.index("  edges:")].splitlines():
        if found := re.fullmatch(r"    - name: (\w+)", line):
            name = found[1]
        elif found := re.fullmatch(r"        - (\d+)(?:\.\.(\d+))?: {threshold: (\d+), bias: (-?\d+), potential: (-?[\d.]+)}", line):
            number = int(found[2] or found[1]) - int(found[1]) + 1
            groups.setdefault(name, []).extend([(int(found[3]), int(found[4]), float(found[5]))] * number)
            assert len(groups[name]) == int(found[2] or found[1]) + 1
        elif found := re.fullmatch(r"        - (\d+): {spikes: \[([01, ]+)\]}", line):
            trains[f"{name}.{found[1]}"] = [int(n) for n in found[2].split(",")]
    cores = _cores(text[text.index("mappings:") :])
    edges: dict[str, list[tuple[str, int, int]]] = {}
    for a, b, w, d in re.findall(r"    - (\S+) -> (\S+): \[w: (-?\d+)(?:, delay: (\d+))?\]", text):
        edges.setdefault(a, []).append((b, int(w), int(d or 0)))
    names = [f"{group}.{n}" for group, neurons in groups.items() for n in range(len(neurons))]
    threshold, bias, v = (np.array(column) for column in zip(*(row for neurons in groups.values() for row in neurons), strict=True))
    index = {neuron: n for n, neuron in enumerate(names)}
    arriving = np.zeros((about["steps"] + 8, len(names)))
    lines: list[str] = []
    counts: Counter[str] = Counter()
    for step in range(about["steps"]):
        v = v + bias + arriving[step]
        fires = v > threshold
        v = v - threshold * fires
        fired = [names[n] for n in np.flatnonzero(fires)]
        lines += [f"{neuron},{step + 1}" for neuron in fired]
        for neuron in fired + [host for host, train in trains.items() if step < len(train) and train[step]]:
            counts["messages"] += len({cores[target] for target, _, _ in edges.get(neuron, [])})
            for target, weight, delay in edges.get(neuron, []):
                arriving[step + 1 + delay, index[target]] += weight
                counts["events"] += 1
    return (
        Counter(lines),
        {group: [v[index[f"{group}.{n}"]] for n in range(len(ours))] for group, ours in about["readouts"].items()},
        counts,
    )


def _cores(text: str) -> dict[str, str]:
    cores: dict[str, str] = {}
    for group, first, last, core in re.findall(r"  - (\w+)\.(\d+)(?:\.\.(\d+))?: {core: ([\d.]+)", text):
        cores |= {f"{group}.{n}": core for n in range(int(first), int(last or first) + 1)}
    return cores


CASES = [
    (0, "graded", {}),
    (1, "rate", {}),
    (4, "poisson", {"sparse": True}),
    (9, "rate", {"ranges": True}),
    (6, "graded", {"ranges": True}),
]


@pytest.mark.parametrize(("seed", "coding", "made"), CASES)
def test_the_files_do_what_they_promise(seed: int, coding: str, made: dict[str, bool], tmp_path: Path) -> None:
    about = _written(seed, tmp_path / "out", coding, **made)
    expected = Counter((tmp_path / "out" / "expected_spikes.csv").read_text().split()[1:])
    lines, readouts, counts = replay(tmp_path / "out", about)
    assert lines == expected
    assert expected.total() == about["spikes"] > 0
    assert readouts == {group: [n + 0.5 for n in ours] for group, ours in about["readouts"].items()}
    assert counts == {"events": about["synaptic_events"], "messages": about["messages"] + about["host_spikes"]}
    assert about == json.loads((tmp_path / "out" / "sanafe.json").read_text())


@pytest.mark.skipif(find_spec("sanafe") is None, reason="needs SANA-FE: uv run --group sanafe")
@pytest.mark.parametrize(("seed", "coding", "made"), [*CASES, (9, "graded", {}), (11, "rate", {"layers": 6})])
def test_sana_fe_spikes_the_same(seed: int, coding: str, made: dict[str, bool], tmp_path: Path) -> None:
    about = _written(seed, tmp_path / "out", coding, **made)
    run = run_in_sanafe(tmp_path / "out")
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
    export_sanafe(network, mapping, random_images(network, 1), tmp_path / "out", prices=EventPrices(energy_message_out=1.0))
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
        (payloads, 1, InvalidInput, "p0: spikes carry payloads of 3 bits; its spikes are binary. Convert with --payload-bits 1"),
        (steps, 1, InvalidInput, "a step population keeps no potential"),
        (plain, 2, InvalidInput, "2 images; SANA-FE's network file has the input of one"),
        (rails, 1, RangeError, "saturate, which SANA-FE's do not"),
    ):
        with pytest.raises(error, match=message):
            export_sanafe(network, _mapped(network), random_images(network, images), tmp_path / "out")
    with pytest.raises(InvalidNetwork, match="this mapping is of the network"):
        export_sanafe(plain, _mapped(random_network(6)), random_images(plain, 1), tmp_path / "out")
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(FileError, match="is not a folder"):
        export_sanafe(plain, _mapped(plain), random_images(plain, 1), tmp_path / "mine")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_larger_cores_and_longer_delays_are_refused_and_repeaters_are_written(tmp_path: Path) -> None:
    wide = chain((40, 40, 1), same_conv(1, 1), Dense(np.zeros((1600, 2), np.int8)))
    with pytest.raises(InvalidInput, match=r"1602 neurons; its cores hold 1024\. Map to a chip file with so few compartments"):
        export_sanafe(wide, random_mapping(np.random.default_rng(0), wide, 1), random_images(wide, 1), tmp_path / "out")
    long = chain((3, 3, 1), *(same_conv(1, 1) for _ in range(8)), Dense(np.zeros((9, 2), np.int8)), skip=True)
    with pytest.raises(InvalidInput, match="p0 -> readout: a delay of 7 steps; its dendrites delay by at most 5"):
        export_sanafe(long, _mapped(long), random_images(long, 1), tmp_path / "out")
    network = random_network(9, layers=5)
    about = export_sanafe(network, _mapped(network, chip_with(delay_max=0)), random_images(network, 1), tmp_path / "out")
    assert any("repeater" in p["population"] for p in about["populations"])
    lines, _, _ = replay(tmp_path / "out", about)
    assert lines == Counter((tmp_path / "out" / "expected_spikes.csv").read_text().split()[1:])
    assert any("repeater" in line for line in lines)
