"""One call that runs a network on images with any back end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ecc_lava.backends.images import RunSettings, check_settings, run_images
from ecc_lava.backends.parts import PartsOptions, run_parts
from ecc_lava.backends.result import Result
from ecc_lava.backends.table import Network
from ecc_lava.cluster import WorkReport
from ecc_lava.common import Images, StageProgress
from ecc_lava.errors import RangeError
from ecc_lava.inputs import ImageSource
from ecc_lava.networks import Kind, QuantisedNetwork

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["simulate"]


def simulate(
    network: Network,
    x: Images | ImageSource,
    *,
    backend: str = "fast",
    timesteps: int | None = None,
    over_time: bool = False,
    record: Iterable[str] = (),
    strict: bool = False,
    first_sample: int = 0,
    progress: StageProgress | None = None,
    max_memory: int | None = None,
    client: Client | None = None,
    journal: str | Path | None = None,
    report: Callable[[WorkReport], None] | None = None,
) -> Result:
    """Run a network on images.

    Parameters
    ----------
    network : QuantisedNetwork for `fast`, `golden`, `lava`; SpikingNetwork for `float`, `closed_form`
    x : array (N, H, W, C), or arrays by input name
        Images as the Keras model takes them; uint8 is scaled by the coding's `uint8_scale`. The coding "events" takes binary
        (N, T, H, W, C). A stream takes sequences of frames, (N, F, H, W, C). Of an `ImageSource`, few images are in memory at once.
    backend : str
        A name of `BACKENDS`.
    timesteps : int, optional
        T, at most the network's own, which is the default. A stream takes one step a frame.
    over_time : bool
        Also return the logits after every step. A stream's logits are those of every frame anyway.
    record : names of populations
        Populations whose counts, rasters and potentials the result keeps.
    strict : bool
        Make any saturation of a potential an error.
    first_sample : int
        Number of the first image within a larger run; a random input coding draws by this number.
    progress : callable (images done, images), optional
        Of sequences that run in pieces, frames.
    max_memory : int, optional
        Bytes for the images that run together, of which there is at least one. `fast` counts their results and lists (by default 1 GiB),
        `golden`, `float` and `closed_form` the currents of the largest population (256 MiB); `lava` runs all images together. A network
        of which one image takes more is refused if it is also more than 2 GiB, or the environment variable ECC_LAVA_MAX_MEMORY. `fast` and
        `golden` run a sequence of frames that takes more in pieces, each from what the piece before it left.
    client : distributed.Client, optional
        Runs the images on the workers of a Dask cluster. The result is the same, bit for bit.
    journal : path, optional
        A folder that keeps what is finished, so that the same run goes on from there. Integer networks alone.
    report : callable (WorkReport), optional
        Hears after every part what the workers have done.

    Returns
    -------
    Result

    Raises
    ------
    InvalidInput
        If the back end, network type, images, timesteps or a population name is wrong, or one image takes too much memory.
    RangeError
        If a readout or a population of a stream saturated, or with `strict` any population; if payloads make one step's input leave the
        potential's range.
    ClusterError
        If the cluster is gone, or its workers have another version.
    """
    settings = RunSettings(backend, timesteps, over_time, tuple(record), max_memory)
    check_settings(network, settings)
    if client is None and journal is None and not isinstance(x, ImageSource):
        result = run_images(network, x, settings, first_sample, progress)
    else:
        result = run_parts(network, x, settings, first_sample, PartsOptions(client, journal, progress, report))
    _refuse_saturation(network, result, strict)
    return result


def _refuse_saturation(network: Network, result: Result, strict: bool) -> None:
    if not isinstance(network, QuantisedNetwork):
        return
    for name, population in network.by_name.items():
        low, high = result.saturated_low[name], result.saturated_high[name]
        never = population.kind in (Kind.READOUT, Kind.DELTA)  # the output itself, or what all later frames inherit
        if (low or high) and (strict or never):
            raise RangeError(
                f"the potential of population {name!r} left +-{network.format.potential_max} {low} times below and {high} times above; "
                + ("use fewer bits" if network.is_stream else "use fewer timesteps or fewer bits")
                + ("" if never else ", or allow saturation (strict off)")
            )
