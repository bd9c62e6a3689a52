"""Images in HDF5 files: datasets of the names that arrays of an `.npz` have, of which rows are read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ecc_lava.common import Array
from ecc_lava.errors import FileError

__all__ = ["Hdf5Rows", "datasets"]


@dataclass(frozen=True, eq=False)
class Hdf5Rows:
    """A dataset of an HDF5 file; the file is opened for every read, so that other processes can read it too."""

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    can_be_sent: bool = True

    def read(self, first: int, end: int) -> Array:
        """Return rows."""
        import h5py

        try:
            with h5py.File(self.path, "r") as file:
                found: Array = file[self.name][first:end]
        except (OSError, KeyError, RuntimeError, ValueError) as error:
            raise FileError(f"{self.path}: {self.name}, rows {first} to {end - 1}: {str(error).splitlines()[0]}") from error
        if found.shape != (end - first, *self.shape[1:]):
            raise FileError(f"{self.path}: {self.name} has changed while it was read")
        return found


def datasets(path: Path) -> dict[str, Hdf5Rows]:
    """Return the plain datasets at a file's root by name; links to other files, and datasets that stand in others, are passed over."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            own = [name for name in file if isinstance(file.get(name, getlink=True), h5py.HardLink)]
            return {
                name: Hdf5Rows(path, name, tuple(found.shape), found.dtype)
                for name in own
                if isinstance(found := file[name], h5py.Dataset) and not (found.is_virtual or found.external) and found.shape
            }
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        raise FileError(f"{path}: not an HDF5 file of images, or a damaged one: {str(error).splitlines()[0]}") from error
