"""What the site says: examples run, error messages are all listed, README and the guide name only what is there."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import ecc_lava
import hw_mappings
from docs.scripts import error_messages
from ecc_lava.cli.app import app
from tests.helpers.lava import needs_lava
from tests.helpers.pages import failures, fences
from tests.helpers.sources import ROOT, SOURCES, path_within, text_of

GUIDE = sorted((ROOT / "docs/guide").glob("*.md"))
RAISED = re.compile(rf"raise ({'|'.join(error_messages.ERRORS)})\(")


def test_ecc_by_hand_gives_the_numbers_of_its_page() -> None:
    path = ROOT / "docs/guide/ecc_by_hand.md"
    assert not failures(fences(path, "pycon"), {}, path.name)


@pytest.mark.slow
def test_every_error_that_the_code_raises_has_its_line_on_the_page() -> None:
    listed = {(message.path, message.line) for message in error_messages.catalogue()}
    page = html.unescape(error_messages.tables())
    for path in SOURCES:
        for number, line in enumerate(text_of(path).splitlines(), 1):
            if RAISED.search(line):
                assert (path_within(path), number) in listed, f"{path_within(path)}:{number} is not in the catalogue"
    for message in error_messages.catalogue():
        words = [word for word in re.findall(r"\w{2,}", message.text) if word.isascii()]
        if words:
            assert all(word in page for word in words), message
        elif message.path not in error_messages.PASSED_ON:
            assert set(message.text) <= set(f"{error_messages.GAP}: /;"), message


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: ecc_lava.load("nothing.h5"), "cannot be read"),
        (lambda: ecc_lava.load_model("nothing.keras"), "cannot be read"),
        (lambda: hw_mappings.chip("loihi9"), "loihi9"),
    ],
)
def test_a_message_as_a_user_sees_it_is_found_by_its_words(wrong: object, words: str) -> None:
    assert callable(wrong)
    with pytest.raises(ecc_lava.EccLavaError, match=words) as raised:
        wrong()
    assert error_messages.matches(str(raised.value))


@pytest.mark.parametrize("path", [ROOT / "README.md", *GUIDE], ids=lambda path: path.stem)
def test_every_command_and_option_of_a_page_is_there(path: Path) -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    for name, rest in re.findall(r"ecc-lava ([a-z]+)\b([^`\n]*)", text):
        if name == "demo" or re.match(r"[A-Z]", name):
            continue
        assert name in commands, f"{path.name}: there is no command {name}"
        context = commands[name].make_context(name, [], resilient_parsing=True)
        options = {option for parameter in context.command.params for option in parameter.opts}
        for option in re.findall(r"(?<!\w)(--[a-z-]+|-o)\b", rest):
            assert option in options, f"{path.name}: {name} has no option {option}"


REFERENCE = [ROOT / "docs/reference" / name for name in re.findall(r"\(([a-z]+\.md)\)", (ROOT / "docs/reference/index.md").read_text())]


def test_every_public_name_is_in_the_reference_with_an_example_of_its_own() -> None:
    entries = {}
    for path in REFERENCE:
        for entry in path.read_text(encoding="utf-8").split("\n::: ")[1:]:
            name, _, rest = entry.partition("\n")
            entries[name.partition(".")[0], name.rpartition(".")[2]] = rest  # a function of its file's name stands there with its full path
    for package in (ecc_lava, hw_mappings):
        for name in package.__all__:
            assert ">>> " in entries[package.__name__, name], f"{name} has no example"


@pytest.mark.slow
@needs_lava
def test_the_examples_of_the_reference_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("nir")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    pages = [ROOT / "docs/reference/index.md", *REFERENCE]
    assert not failures("\n".join(fences(path, "pycon") for path in pages), {}, "the reference")


def _result(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((ROOT / f"tests/benchmarks/results/0.2.0/{name}.json").read_text(encoding="utf-8"))
    return content


def test_the_figures_of_readme_are_those_of_the_benchmarks() -> None:
    rivals = _result("speed")["rivals"]
    ms = rivals["ms_per_image_step"]
    ecc = {(row["kind"], row["payload_bits"], row["timesteps"]): row for row in _result("published")["sources"]["ecc"]["rows"]}
    best, published = ecc["best, integers", 1, 32], ecc["ecc, stepped, integers", 1, 32]
    placers = next(row["placers"] for row in _result("placement")["rows"] if (row["network"], row["chip"]) == ("vgg16-full", "loihi2"))
    ours, theirs = placers["annealed"], min((p for name, p in placers.items() if name != "annealed"), key=lambda p: float(p["hops"]))
    cores = {row["chip"]: row for row in _result("mapping")["rows"] if (row["network"], row["model"]) == ("vgg16-full", "strict")}
    figures = [
        f"{ms['ours']:.3f} ms, exact integers | {ms['TensorFlow loop']:.2f} ms, TensorFlow in float32",
        f"(PyTorch {ms['PyTorch loop']:.2f}, SpikingJelly {ms['SpikingJelly']:.2f})",
        f"| {rivals['faster_than_the_best']['float32']:.0f} times faster",
        f"| {best['loss_points']:.2f} ± {best['loss_interval']:.2f} |",
        f"| {published['loss_points']:.1f} ± {published['loss_interval']:.1f}, ECC",
        f"| {ours['hops'] / 1e6:.2f} M in {ours['seconds']:.1f} s |",
        f"| {theirs['hops'] / 1e6:.2f} M in {theirs['seconds']:.1f} s, Mt-KaHyPar |",
        f"| {100 * (1 - ours['hops'] / theirs['hops']):.0f} % fewer |",
        f"| {cores['loihi2']['cores']:,}, {cores['loihi1']['cores']:,} | no mapping has fewer than {cores['loihi2']['bound']:,}, "
        f"{cores['loihi1']['bound']:,} | {cores['loihi2']['ratio']:.2f}, {cores['loihi1']['ratio']:.2f} times the bound",
    ]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [figure for figure in figures if figure not in readme] == []
