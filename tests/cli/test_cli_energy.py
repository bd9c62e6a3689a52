"""What the commands say of energy: beside the CNN's, by figures of the first Loihi, and that nothing ran on silicon."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import ecc_lava
from ecc_lava.demo.data import MODEL
from tests.helpers.program import DATA, OK, Call, in_this_process, one_message


def test_energies_stand_beside_those_of_the_cnn(call: Call, network: Path, bare: Path) -> None:
    facts = call("run", network, "--data", DATA, "--limit", 5, "--json").json
    net, _, graph = ecc_lava.load(network)
    assert graph is not None
    assert facts["updates_per_image"] == 16 * sum(p.neurons for p in net.populations[1:])
    assert facts["energy_low_uj_per_image"] is None
    assert facts["ann_macs_per_image"] == graph.macs
    assert facts["ann_float32_uj_per_image"] == pytest.approx(4.6e-6 * graph.macs)
    assert call("run", bare, "--data", DATA, "--limit", 5, "--json").json["ann_macs_per_image"] is None


@pytest.fixture(scope="session")
def loihi1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's model for the first Loihi, with weights of 4 bits but for the last layer."""
    folder = tmp_path_factory.mktemp("loihi1")
    graph = ecc_lava.from_keras(ecc_lava.load_model(MODEL))
    names = [p.name for p in ecc_lava.lower(graph).network.populations[1:]]
    (folder / "bits.json").write_text(json.dumps({"default": 4, names[-1]: 8}))
    arguments = ["convert", MODEL, "--calibration", DATA, "-o", folder / "net.h5", "--timesteps", 16, "--recipe", "channel", "--json"]
    arguments += ["--format", "loihi1", "--bits", folder / "bits.json"]
    outcome = in_this_process(*arguments)
    assert outcome.code == OK, outcome.err
    facts = outcome.json
    assert facts["format"] == "loihi1"
    assert facts["coding"] == "rate"
    assert facts["bits"] == 8
    assert facts["bits_by_population"] == {name: 8 if name == names[-1] else 4 for name in names}
    return folder / "net.h5"


def test_the_way_to_loihi1(call: Call, loihi1: Path, tmp_path: Path) -> None:
    facts = call("run", loihi1, "--data", DATA, "--limit", 30, "--json").json
    assert facts["accuracy"] >= 0.8
    assert facts["input_macs_per_image"] == 0
    assert 0 < facts["energy_low_uj_per_image"] < facts["energy_high_uj_per_image"]
    assert call("check", loihi1, "--data", DATA, "--limit", 10, "--lava-limit", 1, "--json").json["ok"]
    data = ("--data", DATA, "--limit", 30)
    mapped = call("map", loihi1, "--chip", "loihi1", *data, "-o", tmp_path / "m.json", "--json")
    assert mapped.code == OK
    charges = {charge["words"]: charge for charge in mapped.json["cost"]["account"]["charges"]}
    assert {charge["words"]: charge for charge in facts["account"]["charges"]}.items() <= charges.items()  # the same, and more
    text = call("run", loihi1, *data).out
    for charge in facts["account"]["charges"]:
        assert re.search(rf"{charge['words']}.* {charge['amount']:,.0f} .* {charge['uj'][1]:,.4g} ", text)
    assert "nothing ran on silicon; left out: messages and hops between cores, and static power" in text
    assert mapped.json["cores"] >= mapped.json["lower_bound_cores"]
    assert "convert with format='loihi2' (--format loihi2), or map" in one_message(
        call("map", loihi1, "--chip", "loihi2", "-o", tmp_path / "n.json")
    )


def test_readme_and_the_guide_say_that_nothing_ran_on_silicon() -> None:
    root = Path(ecc_lava.__file__).parents[1]
    readme, guide = ((root / name).read_text(encoding="utf-8") for name in ("README.md", "docs/guide/mapping.md"))
    assert "Nothing here ran on silicon" in readme and "Nothing ran on silicon" in guide and "none prices the host" in guide
