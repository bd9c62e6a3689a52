"""Sequences that run in pieces give what they give as a whole, whatever the length of the pieces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import ecc_lava
from ecc_lava.backends import pieces
from ecc_lava.backends.fast import run as fast_module
from ecc_lava.common.arrays import Array
from ecc_lava.networks import Kind, QuantisedNetwork
from tests.helpers.kernels import SETS
from tests.helpers.streams import random_frame_network, random_frames

FRAMES = 11


@pytest.fixture(params=["native", "numba"])
def kernels(request: pytest.FixtureRequest) -> Iterator[str]:
    chosen = SETS[request.param]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast_module, "kernels", lambda: chosen)
        yield request.param


def _stream(seed: int) -> QuantisedNetwork:
    rng, network = np.random.default_rng(seed), random_frame_network(seed)
    sending = [p for p in ecc_lava.sigma_delta(network).populations if p.kind is not Kind.READOUT]
    return ecc_lava.sigma_delta(network, {p.name: int(rng.integers(1, min(p.payload.largest, 9) + 1)) for p in sending})


def _run(stream: QuantisedNetwork, frames: dict[str, Array], length: int, backend: str = "fast") -> ecc_lava.Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(import_module("ecc_lava.backends.images"), "frames_per_piece", lambda *of: length)
        return ecc_lava.simulate(stream, frames, backend=backend, record=stream.by_name)


def _assert_same(one: ecc_lava.Result, other: ecc_lava.Result) -> None:
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        for name in a if isinstance(a, dict) else [""]:
            pair = (a[name], b[name]) if name else (a, b)
            np.testing.assert_array_equal(pair[0], pair[1], err_msg=f"{field.name} {name}")


@pytest.mark.parametrize("seed", range(6))
def test_any_length_of_pieces_gives_the_whole(kernels: str, seed: int) -> None:
    stream, frames = _stream(seed), random_frames(random_frame_network(seed), 2, FRAMES, seed)
    whole = _run(stream, frames, FRAMES)
    for length in (2, 3, 4, 7, 10):
        _assert_same(_run(stream, frames, length), whole)


def test_golden_runs_pieces() -> None:
    stream, frames = _stream(3), random_frames(random_frame_network(3), 2, FRAMES)
    _assert_same(_run(stream, frames, 4, "golden"), _run(stream, frames, FRAMES, "golden"))


def test_a_limit_of_memory_cuts_a_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, frames = _stream(2), random_frames(random_frame_network(2), 1, 200)
    told, lengths = [], []
    started = pieces.SequencePieces.run

    def noted(self: pieces.SequencePieces, *given: Any) -> ecc_lava.Result:
        lengths.append(self.frames)
        return started(self, *given)

    monkeypatch.setattr(pieces.SequencePieces, "run", noted)
    whole = ecc_lava.simulate(stream, frames)
    assert not lengths
    cut = ecc_lava.simulate(stream, frames, max_memory=100_000, progress=lambda *now: told.append(now))
    assert 2 <= lengths[0] < 100
    assert told[-1] == (200, 200) and told == sorted(told) and len(told) > 2
    np.testing.assert_array_equal(cut.events, whole.events)
