"""Offsets of a classifier's classes: a bias at the readout corrects what spiking does to some classes more than to others."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ecc_lava.backends import simulate
from ecc_lava.common import Array, Float, Outputs, joined, on_all_cores, output_of
from ecc_lava.conversion.at_once import images_at_once
from ecc_lava.conversion.calibration.presynaptic import of_maps
from ecc_lava.conversion.passes.interface import IntegerOptions, IntegerPass
from ecc_lava.errors import InvalidInput, RangeError
from ecc_lava.inputs import batch_size, parts
from ecc_lava.networks import Population, SpikingNetwork, output_name, rate_forward
from ecc_lava.quantisation import quantise

__all__ = ["ClassOffsets"]

_log = logging.getLogger(__name__)

DIRECTIONS = ((-1, -1), (1, 1))
"""Moves of the calibration images along rows and columns, in units of `SHIFT`; one copy for each.

Four directions did no better for twice the time: ResNet-20 at T=8 lost 3.57 points and agreed on 84.5 % either way (three draws)."""

SHIFT = 1 / 16
"""Distance of a move, relative to height and width; at least one pixel."""

PRIOR = 0.5
"""Prior variance of an offset, relative to the mean square error of a logit."""

FIRST = 64
"""Moved images that show whether the others are run at all."""

NEGLIGIBLE = 0.003
"""Mean square error of the logits, relative to their variance, below which no class is offset.

Measured with payloads of 8 bits at T=1: half a VGG, ResNet-20 and MobileNet err by 0.0003, 0.0006 and 0.001; on 1,000 images the first two
lose as much and agree as often with offsets as without. With weights of 4 bits they err by 0.16 and 0.1, and offsets win up to a point."""

USUAL = (0.1, 100.0)
"""Least and largest standard deviation of logits that are taken as they are."""


@dataclass(frozen=True)
class ClassOffsets(IntegerPass):
    """Offset the classes of a calibrated network so that it decides as the CNN does, on images that it was not fitted to.

    Let z be the logits of the CNN and s the logits of the integers, both over moved copies of the N calibration images. The pass adds to
    the readout's bias the offsets b that minimise

        ``mean KL(softmax(z) || softmax(s + b)) + |b|^2 / (2 * N * PRIOR * e^2)``,  ``e^2 = mean((z - s)^2)``,

    where z and s have mean 0 over the classes. Spikes answer some classes too often and others too rarely (ResNet-20 at T=8 by up to a
    quarter), even where the mean error of every logit is zero. The images are moved (by `SHIFT`, edges repeated) because a layer errs less
    on the very images that it was fitted to. No labels are needed, as z is the CNN's. Outputs that are not one vector under a softmax
    keep their bias, and so do all outputs if no input has height or width, or if the first images show a `NEGLIGIBLE` error.

    Attributes
    ----------
    classifiers : tuple of str or None
        Names of the outputs that are classes; None takes those of the graph.

    Notes
    -----
    Logits whose deviation lies outside `USUAL` are scaled into it first. But for the prior, the mean probability of each class becomes the
    CNN's. The shift of the logits is that of Saerens, Latinne and Decaestecker, "Adjusting the outputs of a classifier to new a priori
    probabilities", Neural Computation 14, 2002.
    """

    classifiers: tuple[str, ...] | None = None

    def of(self, options: IntegerOptions) -> ClassOffsets:
        """Return the pass with the options' format and bits and the graph's classifiers where its own are None."""
        named = options.graph.classifiers if self.classifiers is None else self.classifiers
        return replace(super().of(options), classifiers=named)

    def __call__(self, network: SpikingNetwork, images: Mapping[str, Float]) -> SpikingNetwork:
        """Return the network with its classes offset; `rate_forward` still is that of `network`."""
        format, bits = self.integers(network)
        if self.classifiers is None:
            raise InvalidInput("class offsets need the names of the outputs that are classes; use them in `convert`")
        classifiers = [p for p in network.readouts if output_name(p.name) in self.classifiers]
        copies = _moved(images)
        if not classifiers or not copies:
            return network
        on_maps = replace(network, codings=of_maps(network.codings))
        integers = quantise(on_maps, format=format, bits=bits)
        answers, ideal, at_once = [], [], images_at_once(sum(p.neurons for p in network.populations))
        batches = _in_batches(copies)
        for done, batch in enumerate(batches):
            self.tell("offsetting classes", done, len(batches))
            try:
                answers.append(simulate(integers, batch).logits)
            except RangeError as error:  # images a little unlike the calibration images already are too much
                _log.warning("classes are not offset: on images moved by %d %%, %s", 100 * SHIFT, error)
                return network
            ideal += on_all_cores(lambda part: rate_forward(on_maps, part, np.float32), parts(batch, at_once))
            if done == 0 and all(_is_negligible(*_both(p, ideal, answers)) for p in classifiers):
                _log.info("classes are not offset: the logits' error is less than %g of their variance", NEGLIGIBLE)
                return network
        self.tell("offsetting classes", len(batches), len(batches))
        bias = {p.name: p.bias for p in network.populations}
        for p in classifiers:
            z, s = _both(p, ideal, answers)
            unit = _unit(z)
            offsets = unit * _offsets(z / unit, s / unit, batch_size(images))
            _log.info("%s: classes offset by %.3f (root mean square)", p.name, float(np.sqrt(np.square(offsets).mean())))
            bias[p.name] = p.bias + offsets.reshape(p.shape) / p.lambda_  # a flattened map may be the classes
        populations = tuple(replace(p, bias=bias[p.name]) for p in network.populations)
        return replace(network, populations=populations, ideal=network.ideal or network)


def _moved(images: Mapping[str, Float]) -> list[dict[str, Float]]:
    """Return copies of the images, moved in every direction; none if no input has height or width."""
    if all(x.shape[1:3] == (1, 1) for x in images.values()):
        return []
    return [{name: _moved_by(_moved_by(x, 1, rows), 2, columns) for name, x in images.items()} for rows, columns in DIRECTIONS]


def _in_batches(copies: list[dict[str, Float]]) -> list[dict[str, Float]]:
    """Return all images of the copies, the `FIRST` of them apart."""
    first = copies[0]
    batches = [{name: x[part] for name, x in first.items()} for part in (slice(FIRST), slice(FIRST, None))]
    return [batch for batch in (*batches, *copies[1:]) if batch_size(batch)]


def _both(readout: Population, ideal: Sequence[Outputs], answers: Sequence[Outputs]) -> tuple[Float, Float]:
    """Return the logits (M, K) of the CNN and of the integers at a readout, less their means over the classes."""
    ideal_logits, logits = (_centred(output_of(joined(outputs), output_name(readout.name))) for outputs in (ideal, answers))
    return ideal_logits, logits


def _is_negligible(ideal: Float, answers: Float) -> bool:
    """Whether logits (M, K) differ too little for offsets to change what is decided."""
    return float(np.square(ideal - answers).mean()) < NEGLIGIBLE * float(ideal.var())


def _moved_by(x: Float, axis: int, direction: int) -> Float:
    """Return maps (N, H, W, C) moved along an axis, their edge repeated."""
    size = x.shape[axis]
    distance = direction * max(1, round(SHIFT * size))
    return np.take(x, np.clip(np.arange(size) - distance, 0, size - 1), axis=axis)


def _centred(logits: Array) -> Float:
    """Return logits (M, K) less their mean over the classes, which no softmax sees."""
    return logits.astype(np.float64) - logits.mean(axis=1, keepdims=True)


def _unit(logits: Float) -> float:
    """Return what logits (M, K) are divided by: 1 where their deviation is usual, else what brings it to the nearest usual one.

    Far beyond it every probability is 0 or 1, and far below it all are equal, so that offsets would answer to none of the errors.
    """
    deviation = float(logits.std())
    return deviation / min(max(deviation, USUAL[0]), USUAL[1]) if deviation else 1.0


def _offsets(ideal: Float, answers: Float, images: int) -> Float:
    """Return the offsets (K,) that `ClassOffsets` defines, from logits (M, K)."""
    import scipy.optimize
    import scipy.special

    error = float(np.square(ideal - answers).mean())
    if error == 0:
        return np.zeros(ideal.shape[1])
    wanted = scipy.special.softmax(ideal, axis=1)
    penalty = 1.0 / (2 * images * PRIOR * error)

    def divergence(offsets: Float) -> tuple[float, Float]:
        """Return the objective, up to a constant, and its gradient."""
        log = scipy.special.log_softmax(answers + offsets, axis=1)
        value = penalty * float(offsets @ offsets) - float((wanted * log).sum(axis=1).mean())
        return value, 2 * penalty * offsets + (np.exp(log) - wanted).mean(axis=0)

    found: Float = scipy.optimize.minimize(divergence, np.zeros(ideal.shape[1]), jac=True, method="L-BFGS-B").x
    return found
