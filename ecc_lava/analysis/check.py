"""`check`: whether every stage equals the one before, and how much each layer loses where numbers are rounded."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ecc_lava.analysis.differences import Differences, compare
from ecc_lava.analysis.images import checked_images
from ecc_lava.analysis.layers import LayerReport, compared_layers
from ecc_lava.analysis.plausibility import doubts
from ecc_lava.backends import BACKENDS, simulate
from ecc_lava.common import Array, Images, Progress, joined
from ecc_lava.errors import InvalidInput
from ecc_lava.graph import Graph, shared_forward
from ecc_lava.inputs import ImageSource, batch_part, batch_size, clipping_not_repeated
from ecc_lava.networks import QuantisedNetwork, SpikingNetwork, refuse_stream
from ecc_lava.quantisation import PopulationRange, one_step_bound
from ecc_lava.scores import OutputScore, Scorer

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["CheckReport", "check", "compared_with_fast"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CheckReport:
    """Outcome of `check`; numbers that could not be computed (no labels, no graph, no Lava) are None.

    For a network with several outputs, accuracies are those of the first output and `agreement` is the mean over all outputs. Both are
    shares of equal answers: of classes, of classes by position for maps, of single labels. Outputs that are numbers have neither; `scores`
    has the figures of every output by its task. `failures` says which figure breaks its limit, `doubts` what makes the CNN's own answers
    implausible.

    Attributes
    ----------
    images, timesteps : int
    golden_vs_fast, float_on_integers_vs_fast, lava_vs_fast : Differences
        Differing spikes and potentials on the images compared bit for bit; `float_on_integers` is the float engine on the integers.
    layers : tuple of LayerReport
        The float network against the integers, by population; empty without `snn`.
    ranges : tuple of PopulationRange
        How far each population's potentials can reach in its format.
    ann_accuracy, closed_form_accuracy, float_accuracy, integer_accuracy : float
        Shares of right answers, 0 to 1.
    agreement : float
        Share of the CNN's answers that the integers give, too.
    synops_per_image, input_macs_per_image, graded_synops_per_image, payload_bits_per_image : float
        Means over the images; see `Result`.
    digest : str
        SHA-256 of the network's integers.
    """

    images: int
    timesteps: int
    golden_vs_fast: Differences
    float_on_integers_vs_fast: Differences
    lava_vs_fast: Differences | None
    layers: tuple[LayerReport, ...]
    ranges: tuple[PopulationRange, ...]
    ann_accuracy: float | None
    closed_form_accuracy: float | None
    float_accuracy: float | None
    integer_accuracy: float | None
    agreement: float | None
    synops_per_image: float
    input_macs_per_image: float
    graded_synops_per_image: float
    payload_bits_per_image: float
    digest: str
    scores: tuple[OutputScore, ...] = ()
    failures: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every back end that ran equals `fast`, and no figure breaks its limit."""
        compared = (self.golden_vs_fast, self.float_on_integers_vs_fast, self.lava_vs_fast)
        return all(d is None or d.equal for d in compared) and not self.failures

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return asdict(self)


def check(
    network: QuantisedNetwork,
    x: Images | ImageSource,
    *,
    snn: SpikingNetwork | None = None,
    graph: Graph | None = None,
    labels: Array | None = None,
    exact_images: int = 8,
    lava: bool | None = None,
    progress: Progress | None = None,
    task: str | Mapping[str, str] | None = None,
    limits: Mapping[str, float] | None = None,
    client: Client | None = None,
) -> CheckReport:
    """Check an integer network against the stages before it and the other back ends.

    Parameters
    ----------
    network : QuantisedNetwork
    x : array (N, H, W, C), or arrays by input name
        Images as the Keras model takes them; uint8 is scaled. Of an `ImageSource`, few images are in memory at once.
    snn, graph : optional
        The float network and the CNN that `network` was made from.
    labels : array (N, ...), optional
        Labels of the first output: classes as whole numbers or one-hot rows, for maps at every position; 0 and 1 of a sigmoid; numbers.
    exact_images : int
        How many of the images, from the first on, are compared bit for bit on `golden`, on `float` with the integers and on Lava.
    lava : bool, optional
        Whether Lava runs; by default if it is installed.
    progress : callable (stage, done, total), optional
    task : str, or a mapping of output names to str, optional
        What outputs are for, names of `ecc_lava.scores.TASKS`; by default what their last functions, shapes and labels show.
    limits : mapping of figure names to numbers, optional
        Limits of figures against the CNN which, broken, fail the check: at least so much `agreement`, `mean_iou` or `correlation` (0 to 1),
        at most so much `relative_rms_error`. The latter is 1 by default, where an answer is no better than the mean.
    client : distributed.Client, optional
        Runs the networks on all images on the workers of a Dask cluster; the few that are compared bit for bit stay here.

    Raises
    ------
    InvalidInput
        If images, labels, tasks or limits do not fit, or no image is compared bit for bit.
    RangeError
        If a potential can leave its format, or a readout saturates.
    LavaError
        If the Lava runtime fails.
    """
    if exact_images < 1:
        raise InvalidInput(f"exact_images {exact_images}; at least 1 image must be compared bit for bit")
    refuse_stream(network, "check")
    x = checked_images(network, x)
    scorer = Scorer(network, graph, labels, batch_size(x), task)
    stage = progress or (lambda name, done, total: None)
    ranges = one_step_bound(network)
    ann = None if graph is None else shared_forward(graph, x, network.input_specs, client, partial(stage, "the CNN"))
    scorer.check_limits(limits or {}, ann)
    with clipping_not_repeated():
        few = batch_part(x, slice(exact_images))
        golden = compared_with_fast(network, few, "golden", "golden against fast", stage)
        floating = compared_with_fast(network, few, "float", "float engine on the integers against fast", stage)
        runs_lava = BACKENDS["lava"].is_installed() if lava is None else lava
        in_lava = compared_with_fast(network, few, "lava", "Lava against fast", stage) if runs_lava else None
        integer, reference, layers = compared_layers(network, snn, x, stage, client)
        closed = None if snn is None else simulate(snn.ideal or snn, x, backend="closed_form", client=client).logits
    logits = joined([r.logits for r in integer])
    scores = scorer.scores(logits, ann)
    against = () if graph is None or ann is None else doubts(graph, x, network.input_specs, scorer, ann)
    for doubt in against:
        _log.warning("%s", doubt)
    return CheckReport(
        images=batch_size(x),
        timesteps=network.timesteps,
        golden_vs_fast=golden,
        float_on_integers_vs_fast=floating,
        lava_vs_fast=in_lava,
        layers=layers,
        ranges=ranges,
        ann_accuracy=scorer.accuracy(ann),
        closed_form_accuracy=scorer.accuracy(closed),
        float_accuracy=scorer.accuracy(joined([r.logits for r in reference]) if reference else None),
        integer_accuracy=scorer.accuracy(logits),
        agreement=scorer.agreement(scores),
        synops_per_image=float(np.concatenate([r.synops for r in integer]).mean()),
        input_macs_per_image=float(np.concatenate([r.input_macs for r in integer]).mean()),
        graded_synops_per_image=float(np.concatenate([r.graded_synops for r in integer]).mean()),
        payload_bits_per_image=float(np.concatenate([r.payload_bits for r in integer]).mean()),
        digest=network.digest,
        scores=scores,
        failures=scorer.failures(scores, limits),
        doubts=against,
    )


def compared_with_fast(network: QuantisedNetwork, x: Images, backend: str, title: str, stage: Progress) -> Differences:
    """Return what differs between a back end and `fast`, and tell `stage` before and after."""
    stage(title, 0, batch_size(x))
    found = compare(network, x, backend)
    stage(title, batch_size(x), batch_size(x))
    return found
