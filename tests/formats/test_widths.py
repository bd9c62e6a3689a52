"""Widths of weights: by population, by default, from text."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecc_lava.errors import FileError, InvalidInput, RangeError
from ecc_lava.formats.loihi2 import LOIHI2
from ecc_lava.formats.number_format import NumberFormat
from ecc_lava.geometry import with_kernel
from ecc_lava.quantisation.as_float import as_float
from ecc_lava.quantisation.quantise import quantise
from ecc_lava.quantisation.widths import as_bits, bits_of
from tests.helpers.formats import BY_NAME, one_layer, random_kernel
from tests.helpers.networks import random_network


def test_bits_by_population() -> None:
    real = one_layer(random_kernel(4))
    for bits in ({"p": 4, "out": 6}, {"p": 4, "default": 6}, {"out": 6, "default": 4}):
        network = quantise(real, bits=bits)
        assert [p.bits for p in network.projections] == [4, 6]
        assert network.bits == 6
        assert [p.largest_weight for p in network.projections] == [7, 31]
    assert [p.bits for p in quantise(real, bits=5).projections] == [5, 5]
    wide = network.projections[0]
    with pytest.raises(RangeError, match="4 bits hold 7"):
        replace(network, projections=(replace(wide, geometry=with_kernel(wide.geometry, wide.geometry.kernel * 2)), network.projections[1]))


@BY_NAME
def test_the_default_width_is_the_widest_up_to_eight(format: NumberFormat) -> None:
    assert [replace(format, weight_bits=widest).default_bits for widest in (6, 8, 9)] == [6, 8, 8]
    for held in (format, replace(format, weight_bits=6)):
        assert quantise(one_layer(random_kernel(2)), format=held).bits == held.default_bits


@pytest.mark.parametrize(
    ("bits", "says"),
    [
        ({"q": 4, "default": 8}, "bits for 'q': no population of that name has weights; there are p, out and 'default'"),
        ({"input": 4, "default": 8}, "bits for 'input': no population"),
        ({"p": 4}, "bits: no width for out; name them, or give 'default'"),
        ({"p": 1, "default": 8}, "1 bits a weight for 'p'; loihi2 holds 2 to 8"),
        ({"p": 17, "default": 8}, "17 bits a weight for 'p'"),
        ({"default": 1}, "1 bits a weight; loihi2 holds 2 to 8"),
        ({"p": 4.0, "default": 8}, "bits for 'p': 4.0 is not a whole number"),
        ({"p": True, "default": 8}, "bits for 'p': True is not a whole number"),
        ({"p": "4", "default": 8}, "bits for 'p': '4' is not a whole number"),
        ({}, "no width for p, out"),
    ],
)
def test_wrong_widths_are_refused(bits: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        quantise(one_layer(random_kernel(2)), bits=bits)


def test_widths_from_text_or_file(tmp_path: Path) -> None:
    path = tmp_path / "bits.json"
    path.write_text(json.dumps({"p": 4, "default": 6}))
    assert as_bits("7") == 7
    assert as_bits(str(path)) == {"p": 4, "default": 6}
    assert bits_of(as_bits(str(path)), ["p", "q"], LOIHI2) == {"p": 4, "q": 6}
    with pytest.raises(InvalidInput, match="neither a number nor a file"):
        as_bits("eight")
    for content, says in (("[4]", "holds list"), ("{", "not JSON"), ("[" * 100_000, "not JSON")):
        path.write_text(content)
        with pytest.raises(FileError, match=says):
            as_bits(str(path))


@pytest.mark.parametrize("bits", [np.int64(8), "8", 8.0, [8]])
def test_widths_of_no_known_type(bits: Any) -> None:
    with pytest.raises(InvalidInput, match="a whole number of type int, or a mapping"):
        quantise(as_float(random_network(3)), bits=bits)
