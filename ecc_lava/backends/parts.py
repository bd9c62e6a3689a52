"""A run in parts: images that do not fit into memory, or that the workers of a cluster share, or of which finished parts are kept.

Every part is a run of its own, and the parts are joined in the order of the images, so that neither their size nor who runs them changes
the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ecc_lava.backends.images import RunSettings, run_images
from ecc_lava.backends.joining import joined_results
from ecc_lava.backends.journal import RunJournal
from ecc_lava.backends.result import Result
from ecc_lava.backends.table import Network
from ecc_lava.cluster import Shards, WorkReport, shared_out
from ecc_lava.common import Images, StageProgress
from ecc_lava.errors import FileError, InvalidInput
from ecc_lava.inputs import (
    PART_BYTES,
    ImageSource,
    SeenImages,
    as_batch,
    batch_part,
    batch_size,
    by_input,
    clipping_not_repeated,
    digest,
    seen_in,
    warn_of_all,
)

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["FinishedPart", "PartsOptions", "readable_by_all", "run_parts"]

PART_IMAGES: Final = 64
"""Most images of a part."""

PART_IMAGES_HERE: Final = 256
"""Most images of a part that this process runs: counts and currents of an image take many times its bytes."""

PARTS_EACH: Final = 8
"""Parts that a thread of a worker gets at least, so that all end at about the same time."""


@dataclass(frozen=True)
class PartsOptions:
    """Who runs parts, and what is kept of them.

    Attributes
    ----------
    client : distributed.Client or None
    journal : path or None
    progress : callable (images done, images), optional
    told : callable (WorkReport), optional
        Hears what the workers have done, after every part.
    part_images : int, optional
        Images of a part.
    """

    client: Client | None = None
    journal: str | Path | None = None
    progress: StageProgress | None = None
    told: Callable[[WorkReport], None] | None = None
    part_images: int | None = None


@dataclass(frozen=True)
class FinishedPart:
    """The result of a range of images, what is told of these images, and their digest."""

    result: Result
    seen: tuple[SeenImages, ...]
    digest: str = field(default="")


@dataclass(frozen=True)
class _Shared:
    """What all parts take; without a source, each part comes with its images."""

    network: Network
    settings: RunSettings
    first_sample: int
    source: ImageSource | None
    is_kept: bool


_Item = tuple[int, int, "Images | None"]
"""First image, end, and the images, unless they are read where they run."""


def run_parts(network: Network, x: Images | ImageSource, settings: RunSettings, first_sample: int, options: PartsOptions) -> Result:
    """Return the result of images; neither the size of the parts nor who runs them changes it.

    Parameters
    ----------
    network : network
    x : images or ImageSource
    settings : RunSettings
    first_sample : int
        Number of the first image, which random codings count from.
    options : PartsOptions

    Raises
    ------
    InvalidInput
        If the images do not fit the network, or a journal cannot keep such a run.
    FileError
        If images or the journal cannot be read.
    ClusterError
        As of `map_shards`.
    """
    images = x if isinstance(x, ImageSource) else as_batch(x, network.input_specs) and by_input(x, network.input_specs)
    source = readable_by_all(images, options.client)
    shared = _Shared(network, settings, first_sample, source, options.journal is not None)
    journal = None if options.journal is None else RunJournal(Path(options.journal), network, settings, first_sample)
    kept = {} if journal is None else dict(_kept(journal, images))
    total = len(images) if isinstance(images, ImageSource) else batch_size(images)
    open_ = _open_ranges(kept, total, options.part_images or _part_images(images, total, options.client))

    def item(index: int) -> _Item:
        first, end = open_[index]
        return first, end, None if source is not None else _range(images, first, end)

    def finished(index: int, part: FinishedPart) -> None:
        if journal is not None:
            journal.write(open_[index], part.result, part.seen, part.digest)

    def progress(done: int, of: int, report: WorkReport) -> None:
        if options.progress:
            options.progress(total - of + done, total)
        if options.told:
            options.told(report)

    shards = Shards([end - first for first, end in open_], item, finished, progress)
    parts = shared_out(options.client, run_part, shared, shards)
    found = kept | dict(zip(open_, parts, strict=True))
    ordered = [found[where] for where in sorted(found)]
    warn_of_all([part.seen for part in ordered], network.codings, network.calibrated)
    return joined_results([part.result for part in ordered])


def run_part(shared: _Shared, item: _Item) -> FinishedPart:
    """Run a range of images, where they are read."""
    first, end, given = item
    if given is None:
        assert shared.source is not None
        given = shared.source.part(first, end)
    batch = as_batch(given, shared.network.input_specs, f"images {first} to {end - 1}")
    seen = seen_in(batch, shared.network.codings)
    with clipping_not_repeated():
        result = run_images(shared.network, given, shared.settings, shared.first_sample + first)
    return FinishedPart(result, seen, digest(given) if shared.is_kept else "")


def _range(images: Images | ImageSource, first: int, end: int) -> Images:
    return images.part(first, end) if isinstance(images, ImageSource) else batch_part(images, slice(first, end))


def readable_by_all(images: Images | ImageSource, client: Client | None) -> ImageSource | None:
    """Return the source if all who run parts can read it themselves; images are sent otherwise."""
    if not isinstance(images, ImageSource) or (client is not None and not images.can_be_sent):
        return None
    if client is None:
        return images
    own = _ends_digest(images)
    return images if all(found == own for found in client.run(_ends_digest, images).values()) else None


def _ends_digest(source: ImageSource) -> str:
    """Return a digest of the first and the last image, as this process finds them; nothing if it cannot read them."""
    try:
        return digest(source.part(0, 1)) + digest(source.part(len(source) - 1, len(source)))
    except (FileError, InvalidInput):
        return ""


def _part_images(images: Images | ImageSource, total: int, client: Client | None) -> int:
    """Return the images of a part: few enough for memory, and enough parts for all threads of a cluster."""
    one = images.image_bytes if isinstance(images, ImageSource) else 1
    most = max(1, PART_BYTES // max(one, 1))
    if client is None:
        return min(most, PART_IMAGES_HERE)
    threads = sum(worker["nthreads"] for worker in client.scheduler_info(n_workers=-1)["workers"].values())
    return max(1, min(most, PART_IMAGES, -(-total // (PARTS_EACH * max(threads, 1)))))


def _kept(journal: RunJournal, images: Images | ImageSource) -> Iterator[tuple[tuple[int, int], FinishedPart]]:
    """Yield the parts of a journal whose images are still the same."""
    total = len(images) if isinstance(images, ImageSource) else batch_size(images)
    for first, end in journal.ranges(total):
        result, seen, of_images = journal.read((first, end)) or (None, (), "")
        if result is not None and digest(_range(images, first, end)) == of_images:
            yield (first, end), FinishedPart(result, seen, of_images)


def _open_ranges(kept: dict[tuple[int, int], FinishedPart], total: int, size: int) -> list[tuple[int, int]]:
    """Return the ranges between those that are kept."""
    edges = [0, *(edge for where in sorted(kept) for edge in where), total]
    gaps = [(first, end) for first, end in zip(edges[::2], edges[1::2], strict=True) if first < end]
    found = []
    for first, end in gaps:
        number = -(-(end - first) // size)
        cuts = [first + (end - first) * i // number for i in range(number + 1)]
        found += list(pairwise(cuts))
    return found
