"""One call that runs a network on images with any back end."""

from __future__ import annotations

from collections.abc import Iterable

from ecc_lava.backends.activity import Recording
from ecc_lava.backends.collecting import Collector
from ecc_lava.backends.pieces import PIECE_BYTES, SequencePieces, frames_per_piece
from ecc_lava.backends.result import Result
from ecc_lava.backends.sending import sent_by_inputs
from ecc_lava.backends.table import BACKENDS, BackEnd, Network
from ecc_lava.common import TIMESTEPS_MAX, Images, StageProgress, check_memory, memory_limit
from ecc_lava.errors import InvalidInput, RangeError
from ecc_lava.inputs import as_batch, batch_size, encode_all, parts
from ecc_lava.networks import Kind, QuantisedNetwork, network_bytes

__all__ = ["simulate"]


def simulate(
    network: Network,
    x: Images,
    *,
    backend: str = "fast",
    timesteps: int | None = None,
    over_time: bool = False,
    record: Iterable[str] = (),
    strict: bool = False,
    first_sample: int = 0,
    progress: StageProgress | None = None,
    max_memory: int | None = None,
) -> Result:
    """Run a network on images.

    Parameters
    ----------
    network : QuantisedNetwork for `fast`, `golden`, `lava`; SpikingNetwork for `float`, `closed_form`
    x : array (N, H, W, C), or arrays by input name
        Images as the Keras model takes them; uint8 is scaled by the coding's `uint8_scale`. The coding "events" takes binary
        (N, T, H, W, C). A stream takes sequences of frames, (N, F, H, W, C).
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
    """
    back_end = _back_end(backend, network)
    steps = _timesteps(network, timesteps)
    recorded = tuple(record)
    for name in recorded:
        if name not in network.by_name:
            raise InvalidInput(f"there is no population {name!r} to record; there are {', '.join(network.by_name)}")
    limit = max(memory_limit(), max_memory or 0)
    check_memory("one image of this network", network_bytes(network), limit)
    batch = as_batch(x, network.input_specs)
    rasters = network.by_name if network.is_stream else recorded  # of a stream, what happened in every frame is counted
    recording = Recording(
        frozenset(rasters) if back_end.records_rasters else frozenset(), over_time or network.is_stream, frozenset(recorded)
    )
    if isinstance(network, QuantisedNetwork) and network.is_stream:
        steps = next(iter(batch.values())).shape[1]
        piece = frames_per_piece(back_end, network, steps, recording, max_memory or PIECE_BYTES)
        if piece < steps:
            check_memory(f"a sequence of {piece} frames", back_end.image_bytes(network, piece, recording), limit)
            pieces = SequencePieces(back_end, network, recording, recorded, piece)
            result = pieces.run(batch, progress)
            _refuse_saturation(network, result, strict)
            return result
    q = encode_all(batch, network.codings, network.calibrated)
    samples = batch_size(q)
    if network.is_stream:
        one, remedy = f"a sequence of {steps} frames", "give shorter sequences"
    else:
        one, remedy = f"one image at {steps} timesteps", "use fewer timesteps"
    check_memory(one, back_end.image_bytes(network, steps, recording), limit, remedy)
    size = samples if back_end.images_per_batch is None else back_end.images_per_batch(network, steps, recording, max_memory)
    run, collector, done = back_end.load(), Collector(network, recorded), 0
    for part in parts(q, size):
        sent = sent_by_inputs(network, part, steps, first_sample + done)
        done = collector.add(run(network, sent, steps, recording))
        if progress:
            progress(done, samples)
    result = collector.result(backend, 1 if network.is_stream else steps)
    _refuse_saturation(network, result, strict)
    return result


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
