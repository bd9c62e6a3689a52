"""`attribute`: which step between the CNN and the integers loses the accuracy, and in which layer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ecc_lava.analysis.attribution.advice import of_rungs, of_worst_layer
from ecc_lava.analysis.attribution.answers import Answers, Reference
from ecc_lava.analysis.attribution.ladder import climbed, staged
from ecc_lava.analysis.attribution.layers import by_layer
from ecc_lava.analysis.attribution.report import Attribution, Rung
from ecc_lava.analysis.images import checked_images
from ecc_lava.common import Array, Images, Progress
from ecc_lava.graph import Graph, shared_forward
from ecc_lava.inputs import ImageSource, batch_size, clipping_not_repeated
from ecc_lava.networks import QuantisedNetwork, SpikingNetwork, refuse_stream
from ecc_lava.scores import Scorer

__all__ = ["attribute"]


def attribute(
    network: QuantisedNetwork,
    x: Images | ImageSource,
    labels: Array | None = None,
    *,
    snn: SpikingNetwork,
    graph: Graph,
    progress: Progress | None = None,
    task: str | Mapping[str, str] | None = None,
) -> Attribution:
    """Say where accuracy goes between the CNN and the integers: a ladder of networks, each layer's share, and what to change.

    Every loss is the difference of two neighbours on the same images, so that the losses sum to the whole exactly. `ladder.RUNGS` names the
    rungs: the CNN; its input as it is sent; activations clipped at lambda; whole spikes of T steps, evenly spread (closed form); spikes at
    their times (float); rounded weights; rounded thresholds, biases and initial potentials; potentials that saturate, which are the
    integers on `fast`. Up to this rung nothing is calibrated. Calibration is the last rung, from integers to integers: it is fitted to the
    errors of all other rungs, and its loss is negative where it helps. A loss holds for its place in the ladder: two causes together
    rarely cost the sum of their losses alone.

    Every layer has two losses (`ecc_lava.analysis.attribution.report.LayerLoss`). By itself: not calibrated, on the CNN's exact activations
    as constant input, which has no losses of timing. In the network that runs: between the layers before it in integers and the CNN's
    layers after it. The latter sum to the whole loss; a calibrated layer may win back what the layer before it lost.

    Parameters
    ----------
    network : QuantisedNetwork
    x : array (N, H, W, C), or arrays by input name
        As the Keras model takes them; uint8 is scaled. Of an `ImageSource`, few images are in memory at once.
    labels : array (N, ...), optional
        Labels of the first output, as `check` takes them. Without labels, losses are losses of agreement with the CNN; of outputs that are
        numbers they are percents of the variance of the CNN's outputs.
    snn, graph
        The float network that `quantise` made `network` of, and the CNN.
    progress : callable (stage, done, total), optional
    task : str, or a mapping of output names to str, optional
        What outputs are for, as `check` takes it.

    Raises
    ------
    InvalidInput
        If images or labels do not fit, `network` is not `snn` quantised or does not say how, or the CNN gives the same for all images.
    RangeError
        If a readout saturates, with or without calibration.
    """
    refuse_stream(network, "attribution")
    x = checked_images(network, x)
    report = progress or (lambda stage, done, total: None)
    stages = staged(network, snn)
    scorer = Scorer(network, graph, labels, batch_size(x), task)
    reference = Reference(shared_forward(graph, x, network.input_specs, progress=partial(report, "the CNN")), scorer)
    answers: dict[str, Answers] = {"ann": reference.own}
    with clipping_not_repeated():
        answers |= climbed(stages, x, reference, report)
        last = list(answers)[-1]
        layers = by_layer(stages, x, reference, answers["input"], answers[last], report)
    rungs = _rungs(reference, answers)
    worst = max(layers, key=lambda layer: layer.alone.weight)
    advice, layer_advice = of_rungs(stages, rungs, layers), of_worst_layer(stages, worst)
    return Attribution(batch_size(x), network.timesteps, rungs, layers, advice, layer_advice)


def _rungs(reference: Reference, answers: dict[str, Answers]) -> tuple[Rung, ...]:
    rungs: list[Rung] = []
    before = None
    for name, found in answers.items():
        decisions, images = found.decisions.shape
        change = None if before is None else reference.change(before, found)
        counts = reference.correct(found), reference.agreeing(found)
        rungs.append(Rung(name, images, decisions, reference.judged, *counts, found.error, change))
        before = found
    return tuple(rungs)
