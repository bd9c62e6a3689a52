"""Networks with trained binarisation (Xu and Cheung 2019): one-bit weights and activations, with scales, in the chip's integers.

The paper is about training, of which nothing is done here: a binarised network that is trained goes to a chip.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import ecc_lava
from ecc_lava.graph import forward
from ecc_lava.quantisation import DEFAULT, Bits
from tests.benchmarks.published.claims import PARTLY, REPRODUCED, UNCHECKED, Claim, Row, Rows, Source, cifar10, measured
from tests.benchmarks.published.first_signs import parting
from tests.benchmarks.quality import Cell, Numbers, converted, ran

__all__ = ["SOURCE"]

MODEL = "binary_cifar10.keras"
BITS: dict[str, Bits] = {"8": 8, "16": 16, "24 and 16": {"greater_equal": 24, DEFAULT: 16}}
"""Widths of the layers that the model does not binarise, its first and last."""


def measure(folder: Path, images: int, client: Any = None) -> Iterator[Row]:
    """Measure the binarised network."""
    model = ecc_lava.load_model(folder / MODEL)
    graph, data = ecc_lava.from_keras(model), cifar10(folder, images)
    ann = np.asarray(model.predict(data.scaled, verbose=0)).argmax(axis=1)
    yield {"model": MODEL, "images": images, "accuracy": 100 * float((ann == data.labels).mean())}
    for name, bits in BITS.items():
        network, seconds = converted(graph, data.train, Cell(1, 1, "best"), 0, Numbers(bits=bits))
        inner = [p for p in network.projections if p.bits == 1]
        assert len(inner) == 5 and all(set(np.unique(p.geometry.kernel)) <= {-1, 1} for p in inner), "binarised layers keep their one bit"
        run = ran(network, seconds, data.test, client=client)
        differing = np.flatnonzero(run.predictions != ann)
        in_double = np.asarray(forward(graph, data.test[differing])).argmax(axis=1) if differing.size else np.zeros(0, int)
        one_bit = sum(p.geometry.kernel.size for p in inner)
        parted = parting(graph, network, data.test)
        assert parted["later_signs_differing"] == 0, "layers behind the first are exact"
        alike = int((run.predictions[differing] == in_double).sum())
        about = {"other_bits": name, "differing": len(differing), "of_single_precision": alike, "one_bit_weights": one_bit, **parted}
        yield measured("integers, T=1", run, ann, data.labels, **about)


def claims(settings: Mapping[str, Any], rows: Rows) -> list[Claim]:
    """Return what became of the paper's claims."""
    images, tested = settings["images"], f"CIFAR-10, {settings['images']} test images, {MODEL}"
    abstract = "abstract, arXiv 1909.11366"
    answers = ", ".join(f"{row['differing']} with {row['other_bits']} bits" for row in rows)
    single, last = rows[-1]["of_single_precision"], rows[-1]["differing"]
    answers += f", {single} of them where the CNN in double precision predicts as the integers do" if last else ""
    moved = ", ".join(f"{row['signs_moved_an_image']:.1f}" for row in rows)
    given = ", ".join(f"{row['differing_given_first']} of {row['images_looked_at']}" for row in rows)
    return [
        Claim("VGG-Small, CIFAR-10", "92.3 %", abstract, f"another network, {settings['accuracy']:.1f} %", UNCHECKED, tested),
        Claim("AlexNet, ImageNet", "46.1 % top-1", abstract, "ImageNet is not here", UNCHECKED, ""),
        Claim(
            "weights and activations of 1 bit, with scales",
            "in place of floats",
            abstract,
            f"{rows[0]['one_bit_weights'] / 1e6:.1f} M weights of 1 bit, the scales in thresholds; of {images} predictions differ, "
            f"by the width of the two other layers: {answers}. Rounding moves {moved} of the first layer's signs an image; given these, no "
            f"later sign differs, and {given} predictions",
            REPRODUCED if single == last else PARTLY,
            tested,
        ),
    ]


SOURCE = Source("Xu and Cheung, BMVC 2019 (arXiv 1909.11366)", measure, claims)
