"""Give Keras a file under the ending that it looks at, with the description that was checked; the user's own file is only read.

The file lies in a folder of its own, because Keras unpacks weights beside it.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any

from ecc_lava.common import temporary_folder
from ecc_lava.errors import FileError
from ecc_lava.importers.keras.files.reading import ARCHIVE, Stored, line_of
from ecc_lava.importers.keras.files.scan import packages_of
from ecc_lava.importers.keras.framework import keras_package

__all__ = ["opened"]


def opened(path: Path, file: Stored, changed: bool) -> Any:
    """Return the model of a file whose description was checked.

    Parameters
    ----------
    path : Path
    file : Stored
    changed : bool
        Whether its description differs from the one in the file.

    Raises
    ------
    FileError
        With the last line of Keras's own message.
    """
    with temporary_folder() as folder:
        copy = folder / f"model{file.kind}"
        try:
            if not changed:
                _link(path, copy)
            elif file.kind == ARCHIVE:
                _rewrite_archive(path, copy, file.description)
            else:
                _rewrite_hdf5(path, copy, file.description)
        except Exception as error:  # zipfile and h5py raise every kind of error on a damaged file
            raise FileError(f"{path}: cannot be copied to {folder}, where Keras would read it: {line_of(error)}") from error
        return _load(copy, path, file)


def _link(path: Path, copy: Path) -> None:
    try:
        copy.symlink_to(path.absolute())
    except OSError:  # Windows has links for some users alone
        shutil.copyfile(path, copy)


def _load(path: Path, named: Path, file: Stored) -> Any:
    keras = keras_package()
    try:
        stand_ins: dict[str, type] = {}
        for package in packages_of(file.description):
            if package.stand_ins is None:
                import_module(package.module)  # registers its classes with Keras
            else:
                stand_ins.update(package.stand_ins())
        return keras.models.load_model(path, custom_objects=stand_ins, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises every kind of error on a damaged file
        by = f"Keras {file.version}" if file.version else "the Keras that wrote it"
        remedy = f"load it with {by}, save it there with model.save('name.keras'), or rebuild the layer"
        raise FileError(f"{named}: Keras cannot load this model: {line_of(error).replace(str(path), str(named))}; {remedy}") from error


def _rewrite_archive(path: Path, copy: Path, description: dict[str, Any]) -> None:
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        for item in old.infolist():
            if item.filename == "config.json":
                new.writestr(item.filename, json.dumps(description))
            else:
                with old.open(item) as source, new.open(item.filename, "w", force_zip64=True) as target:
                    shutil.copyfileobj(source, target)


def _rewrite_hdf5(path: Path, copy: Path, description: dict[str, Any]) -> None:
    import h5py

    shutil.copyfile(path, copy)
    with h5py.File(copy, "r+") as file:
        del file.attrs["model_config"]
        file.attrs["model_config"] = json.dumps(description)
