"""Names and messages: printable, short, and nothing that a terminal or a spreadsheet acts on."""

from __future__ import annotations

import csv
import io
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from ecc_lava.cli.app import _failed, _PrintableLines
from ecc_lava.cli.show.output import show_lines, show_table
from ecc_lava.common import as_cell, as_message, printable
from ecc_lava.errors import EccLavaError, InvalidNetwork, UnsupportedModel
from ecc_lava.graph.graph import Graph
from ecc_lava.graph.nodes import Input
from tests.helpers.chips import TINY
from tests.helpers.tiny_networks import one_readout

NAMES = ("\ud800x", "\x1b[2J\x1b[31mgone\x07", "a\nERROR: fake\nb", "", "\u202egnp", "a" * 1001)


@pytest.mark.parametrize("name", NAMES)
def test_names_are_printable_and_short(name: str, tmp_path: Path) -> None:
    network = one_readout()
    with pytest.raises(InvalidNetwork, match="printable"):
        replace(network, populations=(replace(network.populations[0], name=name), *network.populations[1:]))
    with pytest.raises(InvalidNetwork, match="printable"):
        Graph((Input(name, (2, 2, 1)),))
    with pytest.raises(EccLavaError):
        replace(TINY, name=name)


def test_control_characters_are_escaped_on_their_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "a\x1b[2J\x9b\u202e\ud800\x07b"
    assert printable("plain ä 漢\n") == "plain ä 漢\n"
    show_lines(evil)
    show_table(evil, [evil], [[evil]])
    _failed(f"{evil}\n{'x' * 10_000}", 2)
    record = logging.LogRecord("x", logging.WARNING, "", 1, evil, (), None)
    shown = "".join(capsys.readouterr()) + _PrintableLines("%(message)s").format(record)
    assert "\\x1b[2J" in shown
    assert shown.isascii() or all(c.isprintable() or c == "\n" for c in shown)
    assert max(map(len, as_message("x" * 10_000).splitlines())) < 2_100
    assert str(UnsupportedModel((("a\nfake", "why"),))).count("\n") == 1


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@x", "\tx"])
def test_no_cell_of_a_table_is_a_formula(text: str) -> None:
    buffer = io.StringIO()
    csv.writer(buffer).writerow([as_cell(text), as_cell(-1), as_cell(None), as_cell("conv")])
    assert next(csv.reader(io.StringIO(buffer.getvalue())))[0].startswith("'")
    assert (as_cell(-1), as_cell(None), as_cell("conv")) == (-1, None, "conv")
