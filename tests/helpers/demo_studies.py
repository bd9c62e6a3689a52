"""Studies of the demo's model on few images."""

from __future__ import annotations

from typing import Any

import ecc_lava
from ecc_lava.demo import data as demo
from ecc_lava.studies.results import StudyResult
from tests.helpers.images import as_array

__all__ = ["CALIBRATION", "IMAGES", "LABELS", "study_of"]

CALIBRATION = as_array(demo.calibration_images().x)[:64]

IMAGES, LABELS = as_array(demo.test_images().x)[:120], as_array(demo.test_images().y)[:120]


def study_of(model: Any, **options: Any) -> StudyResult:
    given_: dict[str, Any] = {"calibration": CALIBRATION, "data": IMAGES, "labels": LABELS, "recipes": "channel"}
    return ecc_lava.study(model, **given_ | options)
