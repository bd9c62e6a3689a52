"""One run of a network on images that are in memory, batch after batch."""

from __future__ import annotations

from dataclasses import dataclass

from ecc_lava.backends.activity import Recording
from ecc_lava.backends.collecting import Collector
from ecc_lava.backends.pieces import PIECE_BYTES, SequencePieces, frames_per_piece
from ecc_lava.backends.result import Result
from ecc_lava.backends.sending import sent_by_inputs
from ecc_lava.backends.table import BACKENDS, BackEnd, Network
from ecc_lava.common import TIMESTEPS_MAX, Images, StageProgress, check_memory, memory_limit
from ecc_lava.errors import InvalidInput
from ecc_lava.inputs import as_batch, batch_size, encode_all, parts
from ecc_lava.networks import QuantisedNetwork, network_bytes

__all__ = ["RunSettings", "check_settings", "run_images"]


@dataclass(frozen=True)
class RunSettings:
    """How a network runs, as `simulate` takes it.

    Attributes
    ----------
    backend : str
    timesteps : int or None
    over_time : bool
    recorded : tuple of str
    max_memory : int or None
    """

    backend: str = "fast"
    timesteps: int | None = None
    over_time: bool = False
    recorded: tuple[str, ...] = ()
    max_memory: int | None = None


def check_settings(network: Network, settings: RunSettings) -> tuple[BackEnd, int]:
    """Return the back end and T.

    Parameters
    ----------
    network : network
    settings : RunSettings

    Raises
    ------
    InvalidInput
        If the back end, T or a population to record is none, or one image would take more memory than it may.
    """
    back_end = _back_end(settings.backend, network)
    steps = _timesteps(network, settings.timesteps)
    for name in settings.recorded:
        if name not in network.by_name:
            raise InvalidInput(f"there is no population {name!r} to record; there are {', '.join(network.by_name)}")
    check_memory("one image of this network", network_bytes(network), max(memory_limit(), settings.max_memory or 0))
    return back_end, steps


def run_images(network: Network, x: Images, settings: RunSettings, first_sample: int = 0, progress: StageProgress | None = None) -> Result:
    """Return the result of images; a saturated readout is not refused here, as these may be some of many images."""
    back_end, steps = check_settings(network, settings)
    limit = max(memory_limit(), settings.max_memory or 0)
    batch = as_batch(x, network.input_specs)
    rasters = network.by_name if network.is_stream else settings.recorded  # of a stream, what happened in every frame is counted
    recording = Recording(
        frozenset(rasters) if back_end.records_rasters else frozenset(),
        settings.over_time or network.is_stream,
        frozenset(settings.recorded),
    )
    if isinstance(network, QuantisedNetwork) and network.is_stream:
        steps = next(iter(batch.values())).shape[1]
        piece = frames_per_piece(back_end, network, steps, recording, settings.max_memory or PIECE_BYTES)
        if piece < steps:
            check_memory(f"a sequence of {piece} frames", back_end.image_bytes(network, piece, recording), limit)
            return SequencePieces(back_end, network, recording, settings.recorded, piece).run(batch, progress)
    q = encode_all(batch, network.codings, network.calibrated)
    samples = batch_size(q)
    if network.is_stream:
        one, remedy = f"a sequence of {steps} frames", "give shorter sequences"
    else:
        one, remedy = f"one image at {steps} timesteps", "use fewer timesteps"
    check_memory(one, back_end.image_bytes(network, steps, recording), limit, remedy)
    size = samples if back_end.images_per_batch is None else back_end.images_per_batch(network, steps, recording, settings.max_memory)
    run, collector, done = back_end.load(), Collector(network, settings.recorded), 0
    for part in parts(q, size):
        sent = sent_by_inputs(network, part, steps, first_sample + done)
        done = collector.add(run(network, sent, steps, recording))
        if progress:
            progress(done, samples)
    return collector.result(settings.backend, 1 if network.is_stream else steps)


def _back_end(name: str, network: Network) -> BackEnd:
    if name not in BACKENDS:
        raise InvalidInput(f"back end {name!r} is not known; known: {', '.join(BACKENDS)}")
    back_end = BACKENDS[name]
    if not isinstance(network, back_end.network_type):
        raise InvalidInput(f"the back end {name!r} runs a {back_end.network_type.__name__}, not a {type(network).__name__}")
    return back_end


def _timesteps(network: Network, asked: int | None) -> int:
    limit = network.timesteps
    if asked is None and limit is None:
        raise InvalidInput("the network has not been converted, so timesteps must be given")
    if asked is not None and network.is_stream:
        raise InvalidInput("a stream takes one step a frame; leave timesteps out")
    steps = limit if asked is None else asked
    assert steps is not None
    if not 1 <= steps <= (limit or TIMESTEPS_MAX):
        raise InvalidInput(f"timesteps {steps}; this network {'was converted' if limit else 'runs'} for 1 to {limit or TIMESTEPS_MAX}")
    return steps
