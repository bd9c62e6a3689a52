"""The demo's picture: one image's spikes layer by layer, and accuracy over timesteps."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from ecc_lava.backends import simulate
from ecc_lava.common import Array, wilson
from ecc_lava.networks import QuantisedNetwork

__all__ = ["draw"]

ROWS = 60
"""Most neurons of a population shown in the raster."""


def draw(network: QuantisedNetwork, x: Array, labels: Array, ann_accuracy: float) -> bytes:
    """Return a PNG.

    Parameters
    ----------
    network : QuantisedNetwork
    x : array (N, H, W, C)
        The picture shows the spikes of the first image and the accuracy over all.
    labels : int array (N,)
    ann_accuracy : float
        Accuracy of the CNN, drawn as a line.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = [p.name for p in network.populations if p.kind.spikes]
    one = simulate(network, x[:1], record=names)
    over_time = simulate(network, x, over_time=True).logits_over_time
    assert over_time is not None
    accuracy = (over_time.argmax(axis=2) == labels[:, None]).mean(axis=0)
    steps = np.arange(1, network.timesteps + 1)

    figure = Figure(figsize=(11, 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    image, raster, curve = figure.subplots(1, 3, width_ratios=(1, 3.2, 2.4))
    image.imshow(x[0].squeeze(), cmap="gray_r")
    image.set_title(f"input: a {labels[0]}")
    image.set_xticks([])
    image.set_yticks([])
    _draw_raster(raster, network, {name: one.raster[name][0] for name in names})
    curve.axhline(100 * ann_accuracy, color="0.5", linestyle="--", label=f"ANN, {100 * ann_accuracy:.1f} %")
    low, high = np.transpose([wilson(float(share), len(x)) for share in accuracy])
    curve.fill_between(steps, 100 * low, 100 * high, color="C3", alpha=0.15, linewidth=0, label="95 % interval")
    curve.plot(steps, 100 * accuracy, marker=".", color="C3", label=f"integer network, {100 * accuracy[-1]:.1f} % at T={network.timesteps}")
    curve.set_xlabel("timesteps shown")
    curve.set_ylabel(f"accuracy on {len(x)} test images, %")
    curve.set_ylim(0, 102)
    curve.set_xlim(0, network.timesteps + 0.5)
    curve.grid(alpha=0.3)
    curve.legend(loc="lower right")
    curve.set_title("accuracy over timesteps")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def _draw_raster(axes: Any, network: QuantisedNetwork, rasters: dict[str, Array]) -> None:
    """Draw a dot per spike, steps to the right and layers upwards; a layer's neurons are evenly spaced ones among those that fired."""
    base, ticks, names = 0, [], []
    for index, (name, bits) in enumerate(rasters.items()):
        spikes = np.unpackbits(bits, axis=-1)[:, : network.by_name[name].neurons]
        active = np.flatnonzero(spikes.any(axis=0))
        shown = active[np.linspace(0, len(active) - 1, min(ROWS, len(active))).astype(int)] if len(active) else active
        t, row = np.nonzero(spikes[:, shown])
        axes.scatter(t + 1, base + row, s=3, color=f"C{index % 10}", linewidths=0)
        ticks.append(base + len(shown) / 2)
        names.append(f"{name}\n{len(active)} of {network.by_name[name].neurons} fired")
        base += len(shown) + 6
    axes.set_yticks(ticks, names, fontsize=8)
    axes.set_xlabel("timestep of the layer's window")
    axes.set_xlim(0, network.timesteps + 1)
    axes.set_title(f"spikes of one image (up to {ROWS} active neurons a layer)")
