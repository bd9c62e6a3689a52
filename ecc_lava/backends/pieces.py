"""Sequences of frames that are too long to run as a whole: pieces, each of which goes on from what the piece before it left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Final

from ecc_lava.backends.activity import ActivityOf, Carried, Recording
from ecc_lava.backends.collecting import Collector
from ecc_lava.backends.counting import EventTally
from ecc_lava.backends.joining import joined_results
from ecc_lava.backends.result import Result
from ecc_lava.backends.table import BackEnd
from ecc_lava.common import Array, StageProgress
from ecc_lava.inputs import changes_of_all, clipping_not_repeated, encode_all
from ecc_lava.networks import QuantisedNetwork

__all__ = ["PIECE_BYTES", "SequencePieces", "frames_per_piece"]

PIECE_BYTES: Final = 2**30
"""Bytes of a piece by default."""

FRAMES_MIN: Final = 2
"""Frames of a piece: one frame alone would be a first frame, which takes nothing back."""


def frames_per_piece(back_end: BackEnd, network: QuantisedNetwork, frames: int, recording: Recording, limit: int) -> int:
    """Return how many frames of a sequence run together within a limit of bytes: all where the back end carries nothing on."""
    if not back_end.carries or back_end.image_bytes(network, frames, recording) <= limit:
        return frames
    one, two = (back_end.image_bytes(network, number, recording) for number in (1, 2))
    return min(frames, max(FRAMES_MIN, 1 + (limit - one) // max(two - one, 1)))


@dataclass(frozen=True)
class SequencePieces:
    """Runs sequences of frames one after the other, in pieces.

    Attributes
    ----------
    back_end : BackEnd
        One that carries on.
    network : QuantisedNetwork
        A stream.
    recording : Recording
    recorded : tuple of str
        Populations whose counts, rasters and potentials the result keeps.
    frames : int
        Most frames of a piece; the last ones may have one more.
    """

    back_end: BackEnd
    network: QuantisedNetwork
    recording: Recording
    recorded: tuple[str, ...]
    frames: int

    def run(self, batch: Mapping[str, Array], progress: StageProgress | None = None) -> Result:
        """Return the result of all sequences.

        Parameters
        ----------
        batch : input name -> array (N, F, H, W, C)
            Only one piece at a time is encoded.
        progress : callable (frames done, frames), optional
            Frames of all sequences.
        """
        sequences, frames = next(iter(batch.values())).shape[:2]
        results = []
        for number in range(sequences):
            one = {name: x[number : number + 1] for name, x in batch.items()}

            def tell(done: int, before: int = number * frames) -> None:
                if progress:
                    progress(before + done, sequences * frames)

            with clipping_not_repeated() if number else nullcontext():
                results.append(self._sequence(one, tell))
        return joined_results(results, 0)

    @cached_property
    def _counter(self) -> EventTally:
        return EventTally(self.network)

    def _sequence(self, one: Mapping[str, Array], tell: Callable[[int], None]) -> Result:
        total = next(iter(one.values())).shape[1]
        number = max(1, min(-(-total // self.frames), total // FRAMES_MIN))
        edges = [total * i // number for i in range(number + 1)]
        run, results = self.back_end.load(), list[Result]()
        carried: Carried | None = None
        recording = replace(self.recording, potentials=None)
        for first, end in pairwise(edges):
            with clipping_not_repeated() if first else nullcontext():
                q = encode_all({name: x[:, first:end] for name, x in one.items()}, self.network.codings, self.network.calibrated)
            before = None if carried is None else {name: carried[name][1][None] for name in q}
            sent = changes_of_all(q, [p.theta for p in self.network.inputs], before)
            activity = _since_the_start(run(self.network, sent, end - first, recording, carried), before)
            collector = Collector(self.network, self.recorded, self._counter)
            collector.add(activity)
            results.append(collector.result(self.back_end.name, 1))
            carried = {name: (a.potential[0], a.counts[0]) for name, a in activity.items()}
            tell(end)
        return joined_results(results, 1)


def _since_the_start(activity: ActivityOf, before: Mapping[str, Array] | None) -> ActivityOf:
    """Return a piece's activity with the counts of inputs, as those of neurons, since the sequence began."""
    if before is None:
        return activity
    return {**activity, **{name: replace(activity[name], counts=activity[name].counts + sent) for name, sent in before.items()}}
