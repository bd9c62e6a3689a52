"""What is kept of a run that is not finished: a file for every range of images, written whole or not at all.

A name holds a digest of the network and of how it runs, and the range; a file begins with the digest of its bytes, and holds the digest of
its images. A file that is damaged or of other images is passed over, and its range runs again.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final

import numpy as np

from ecc_lava.backends.images import RunSettings
from ecc_lava.backends.result import Result
from ecc_lava.backends.table import Network
from ecc_lava.common import Array, read_bytes, write_bytes
from ecc_lava.errors import FileError, InvalidInput
from ecc_lava.inputs import SeenImages
from ecc_lava.networks import QuantisedNetwork
from ecc_lava.version import __version__

__all__ = ["RunJournal"]

_ENDING: Final = ".part"
_DIGEST: Final = 64
"""Characters of the digest before a file's content."""


class RunJournal:
    """The finished parts of one run in a folder, which is made; runs of other networks or settings may share it.

    Parameters
    ----------
    folder : Path
    network : Network
    settings : RunSettings
    first_sample : int

    Raises
    ------
    InvalidInput
        If populations are recorded, the network is no integer network, or the folder cannot be made.
    """

    def __init__(self, folder: Path, network: Network, settings: RunSettings, first_sample: int) -> None:
        if not isinstance(network, QuantisedNetwork):
            raise InvalidInput("a journal keeps runs of integer networks, which have a digest")
        if settings.recorded:
            raise InvalidInput("a journal keeps no recorded populations; record nothing")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidInput(f"{folder}: the folder of the journal cannot be made: {error.strerror or error}") from error
        steps = network.timesteps if settings.timesteps is None else settings.timesteps
        run = [__version__, network.digest, settings.backend, steps, settings.over_time, first_sample]
        self._folder, self._key = folder, hashlib.sha256(json.dumps(run).encode()).hexdigest()[:24]

    def _path(self, where: tuple[int, int]) -> Path:
        return self._folder / f"{self._key}-{where[0]:09d}-{where[1]:09d}{_ENDING}"

    def ranges(self, total: int) -> list[tuple[int, int]]:
        """Return the ranges within so many images that are kept, in order and without overlap."""
        names = re.compile(rf"{self._key}-(\d{{9}})-(\d{{9}}){re.escape(_ENDING)}")
        found = sorted((int(m[1]), int(m[2])) for m in (names.fullmatch(path.name) for path in self._folder.iterdir()) if m)
        ranges, done = list[tuple[int, int]](), 0
        for first, end in found:
            if done <= first < end <= total:
                ranges.append((first, end))
                done = end
        return ranges

    def write(self, where: tuple[int, int], result: Result, seen: tuple[SeenImages, ...], images: str) -> None:
        """Keep the result of a range, what is told of its images, and their digest."""
        arrays: dict[str, Array] = {}
        about: dict[str, Any] = {"images": images, "seen": [asdict(s) | {"dtype": s.dtype.str} for s in seen], "result": {}}
        for field in fields(Result):
            value = getattr(result, field.name)
            if isinstance(value, np.ndarray):
                arrays[field.name] = value
            elif isinstance(value, Mapping) and all(isinstance(v, np.ndarray) for v in value.values()):
                arrays |= {f"{field.name}/{name}": array for name, array in value.items()}
            else:
                about["result"][field.name] = dict(value) if isinstance(value, Mapping) else value
        buffer = io.BytesIO()
        np.savez(buffer, about=np.frombuffer(json.dumps(about).encode(), np.uint8), **arrays)
        content = buffer.getvalue()
        write_bytes(self._path(where), hashlib.sha256(content).hexdigest().encode() + content)

    def read(self, where: tuple[int, int]) -> tuple[Result, tuple[SeenImages, ...], str] | None:
        """Return what `write` was given, or None if the file is damaged."""
        try:
            content = read_bytes(self._path(where))
            if hashlib.sha256(content[_DIGEST:]).hexdigest().encode() != content[:_DIGEST]:
                return None
            with np.load(io.BytesIO(content[_DIGEST:]), allow_pickle=False) as file:
                about = json.loads(file["about"].tobytes())
                values: dict[str, Any] = dict(about["result"])
                for name in file.files[1:]:
                    field, slash, key = name.partition("/")
                    if slash:
                        values.setdefault(field, {})[key] = file[name]
                    else:
                        values[field] = file[name]
            result = Result(**values)
            seen = tuple(SeenImages(**(told | {"dtype": np.dtype(told["dtype"])})) for told in about["seen"])
        except (FileError, OSError, ValueError, KeyError, TypeError):
            return None
        return (result, seen, about["images"]) if len(result.synops) == where[1] - where[0] else None
