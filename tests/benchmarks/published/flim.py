"""Encoders estimated from image markers (de Souza and Falcao 2020), without backpropagation, on a chip; and the same CNN trained by it.

Estimation is that of `notebooks/06_image_markers.ipynb`: three images a class of the training images, a rule's strokes, ridge regression on
the encoder's features of all training images. The paper's data, aerial images of coconut trees, are not here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import ecc_lava
import hw_mappings
from ecc_lava.analysis import costs
from ecc_lava.common import Array
from ecc_lava.graph import Graph
from tests.benchmarks.published.claims import NOT, OPEN, OURS, REPRODUCED, UNCHECKED, Claim, Row, Rows, Source, measured, share
from tests.benchmarks.quality import SELECTION, Cell, Numbers, converted, ran

__all__ = ["SOURCE"]

LAYERS = {"mnist": ((5, 1), (3, 2)), "cifar10": ((5, 1), (3, 3))}
"""Of each layer: the size of its filters, and the filters of each marker."""

TITLES = {"mnist": "MNIST", "cifar10": "CIFAR-10"}
IMAGES_OF_A_CLASS = 3
PENALTIES = (100, 1000, 10_000)
EPOCHS = 200
"""Of backpropagation over the marked images; its loss there is below 0.01 by then."""

CELLS = (("loihi1", 1, 8), ("loihi1", 1, 16), ("loihi1", 1, 32), ("loihi2", 8, 1))
"""Format, payload bits and T. Loihi 1 alone has published energies."""


class Data(NamedTuple):
    """Images of a data set: what is learned from, what is reported on, and what is marked."""

    train: Array
    labels: Array
    test: Array
    truth: Array
    marked: Array


def measure(folder: Path, images: int, client: Any = None) -> Iterator[Row]:
    """Measure an encoder of each data set."""
    yield {"images": images, "marked_images": 10 * IMAGES_OF_A_CLASS}
    for name in LAYERS:
        data = _data(folder / f"{name}.npz", images)
        encoder = _encoder(data, name)
        for kind, of_marked in _few(encoder, data).items():
            yield {"data": name, "kind": kind, **share(of_marked, images)}
        graph = ecc_lava.from_keras(_classifier(encoder, data.train, data.labels))
        ann = ecc_lava.forward(graph, data.test).argmax(axis=1)
        yield {"data": name, "kind": "float", **share(float((ann == data.truth).mean()), images), "macs_m": (graph.macs or 0) / 1e6}
        for chip, bits, timesteps in CELLS:
            yield {"data": name, "format": chip, **_row(graph, data, ann, Cell(bits, timesteps, "best"), chip, client)}


def _data(file: Path, images: int) -> Data:
    with np.load(file, allow_pickle=False) as stored:
        train, labels, test, truth = (stored[key] for key in ("x_train", "y_train", "x_test", "y_test"))
    train, test = (x[..., None] if x.ndim == 3 else x for x in (train, test))
    part, rng = slice(SELECTION, SELECTION + images), np.random.default_rng(0)
    marked = [rng.choice(np.flatnonzero(labels.ravel() == label), IMAGES_OF_A_CLASS, replace=False) for label in range(10)]
    return Data(train, labels.ravel(), test[part], truth.ravel()[part], np.concatenate(marked))


def _encoder(data: Data, name: str) -> Any:
    markers: Any = import_module("notebooks.image_markers")
    chosen = data.train[data.marked]
    return markers.encoder(chosen, markers.strokes(chosen, seed=0), LAYERS[name], seed=0)


def _head(encoder: Any) -> Any:
    import keras

    return keras.Sequential([*encoder.layers, keras.layers.AveragePooling2D(2), keras.layers.Flatten()])


def _classifier(encoder: Any, images: Array, labels: Array) -> Any:
    """Return the encoder with a linear classifier; the last fifth of the images chooses its penalty."""
    import keras
    from sklearn.linear_model import RidgeClassifier

    model = _head(encoder)
    features, fifth = model.predict(images / np.float32(255), verbose=0), max(len(images) // 5, 1)
    fits = {p: RidgeClassifier(p).fit(features[:-fifth], labels[:-fifth]) for p in PENALTIES}
    fit = RidgeClassifier(max(fits, key=lambda p: fits[p].score(features[-fifth:], labels[-fifth:]))).fit(features, labels)
    model.add(dense := keras.layers.Dense(10, name="classes"))
    dense.set_weights([fit.coef_.T, fit.intercept_])
    return model


def _few(encoder: Any, data: Data) -> dict[str, float]:
    """Return the accuracy on the test images of what the marked images alone teach: by markers, and by backpropagation from scratch."""
    import keras

    rng = np.random.default_rng(0)
    order = rng.permutation(data.marked)  # every class among those that choose the penalty, or nearly
    images, labels, test = data.train[order], data.labels[order], data.test / np.float32(255)
    by_markers = _classifier(encoder, images, labels)
    keras.utils.set_random_seed(0)
    scratch = keras.Sequential([keras.layers.Rescaling(1 / 255), *(_untrained(layer) for layer in by_markers.layers)])
    scratch.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    scratch.fit(images, labels, batch_size=len(images), epochs=EPOCHS, verbose=0)
    found = {
        "marked images alone, markers": by_markers.predict(test, verbose=0),
        "marked images alone, backpropagation": scratch.predict(data.test, verbose=0),
    }
    return {kind: float((logits.argmax(axis=1) == data.truth).mean()) for kind, logits in found.items()}


def _untrained(layer: Any) -> Any:
    """Return a layer of the same settings with new weights."""
    return type(layer).from_config(layer.get_config())


def _row(graph: Graph, data: Data, ann: Array, cell: Cell, chip: str, client: Any) -> Row:
    """Measure the integers of a format, their cores and their energy."""
    network, seconds = converted(graph, data.train, cell, 0, Numbers(chip))
    run = ran(network, seconds, data.test, client=client)
    golden, fast = (np.asarray(ecc_lava.simulate(network, data.test[:2], backend=name).readout) for name in ("golden", "fast"))
    assert np.array_equal(golden, fast)
    mapping = hw_mappings.map_network(network, chip=hw_mappings.chip(chip), placer="hilbert")
    energy = costs(ecc_lava.simulate(network, data.test), network, graph)
    about: Row = {"payload_bits": cell.payload_bits, "timesteps": cell.timesteps, "cores": len(mapping.cores)}
    if energy.energy_low_uj:
        about |= {"cores_low_uj": energy.energy_low_uj, "cores_high_uj": energy.energy_high_uj}
    return measured("integers", run, ann, data.truth, **about, bound=mapping.lower_bound_cores)


def claims(settings: Mapping[str, Any], rows: Rows) -> list[Claim]:
    """Return what became of the papers' claims."""
    found, tested = [], f"MNIST and CIFAR-10, {settings['images']} test images each"
    few = "outperform the same architecture trained from scratch"
    for name, title in TITLES.items():
        accuracy = {row["kind"]: row for row in rows if row["data"] == name}
        ours, theirs = accuracy["marked images alone, markers"], accuracy["marked images alone, backpropagation"]
        apart = ours["accuracy_interval"][0] > theirs["accuracy_interval"][1], ours["accuracy_interval"][1] < theirs["accuracy_interval"][0]
        text = f"{ours['accuracy']:.1f} % by markers, {theirs['accuracy']:.1f} % by backpropagation over {settings['marked_images']} images"
        verdict = REPRODUCED if apart[0] else NOT if apart[1] else OPEN
        found.append(Claim(f"few images, {title}", few, "abstract, arXiv 2012.12108", text, verdict, tested))
        graded = next(row for row in rows if row["data"] == name and row.get("payload_bits") == 8)
        near = (
            f"{graded['loss_points']:.2f} ± {graded['loss_interval']:.2f} points lost with 8 bits a spike at T=1, {graded['cores']} cores"
        )
        assert graded["loss_points"] - graded["loss_interval"] <= 2, "graded spikes keep an estimated encoder's answers"
        full = f"{accuracy['float']['accuracy']:.1f} % in float with a linear classifier of all training images; {near}"
        found.append(Claim(f"such an encoder on a chip, {title}", "", "", full, OURS, tested))
    aerial = "advantages over a popular CNN"
    return [*found, Claim("aerial images of coconut trees", aerial, "abstract, arXiv 2008.03549", "these data are not here", UNCHECKED, "")]


SOURCE = Source(
    'de Souza and Falcao, SIBGRAPI 2020 (arXiv 2008.03549), and "Convolutional Neural Networks from Image Markers" (arXiv 2012.12108)',
    measure,
    claims,
)
