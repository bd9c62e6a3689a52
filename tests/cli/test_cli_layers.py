"""`ecc-lava layers`: everything in the tables of handlers, by kind."""

from __future__ import annotations

from itertools import chain

from ecc_lava.importers.keras.packages import PACKAGES
from ecc_lava.importers.keras.table import HANDLERS, OPERATORS, QUANTISED
from tests.helpers.program import BAD_INPUT, OK, Call, one_message


def test_all_layers_and_operations_are_listed_once(call: Call) -> None:
    kinds = call("layers", "--json").json["kinds"]
    known = chain(HANDLERS, QUANTISED, *(package.handlers for package in PACKAGES))
    assert sorted(name for kind in kinds for name in kind["layers"]) == sorted(known)
    assert sorted(name for kind in kinds for name in kind["operations"]) == sorted(OPERATORS)
    assert all(kind["title"] and kind["limits"] for kind in kinds)


def test_the_text_names_them_too(call: Call) -> None:
    outcome = call("layers")
    assert outcome.code == OK
    words = outcome.out.replace(",", " ").split()
    assert {"Conv2D", "Heaviside", "ZeroPadding2D"} <= set(words)


def test_a_model_is_no_argument_of_it(call: Call) -> None:
    assert "model.keras" in one_message(call("layers", "model.keras"), BAD_INPUT)
