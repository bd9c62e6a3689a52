"""A few kills of the attack that `python -m tests.hostile kills` runs at large."""

from __future__ import annotations

import argparse

import pytest

from tests.hostile import kills


@pytest.mark.slow
def test_a_killed_command_leaves_whole_output_or_none_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert kills.run(argparse.Namespace(each=3, seed=0, only=["map"])) == 0, capsys.readouterr()
    assert "| map | 3 |" in capsys.readouterr().out
