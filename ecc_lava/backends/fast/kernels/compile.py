"""Compiles the C kernels with the system's compiler when they are first used, and keeps the library in a per-user cache folder.

The library's name holds a digest of the source, the compiler, its options and the processor. So a change of any of them makes another
library, and unlike machines may share a home folder.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

__all__ = ["load_library"]

_log = logging.getLogger(__name__)

_SOURCE = Path(__file__).with_name("kernels.c")
_INCLUDED = Path(__file__).with_name("payloads.c")
_COMPILERS = ("cc", "gcc", "clang")
_OPTIONS = ("-std=gnu11", "-O3", "-fwrapv", "-shared", "-fPIC")
_FOR_THIS_PROCESSOR = (("-march=native", "-mprefer-vector-width=512"), ("-march=native",), ("-mcpu=native",), ())
"""Options to try in this order, because not every compiler has every option."""
_LIMIT_S = 60.0


def load_library() -> ctypes.CDLL | None:
    """Return the compiled kernels; without a compiler, or if it fails, log a warning and return None."""
    compiler = next((path for path in map(shutil.which, _COMPILERS) if path), None)
    if compiler is None:
        _log.warning("no C compiler (%s) was found: the fast back end runs its slower numba kernels", ", ".join(_COMPILERS))
        return None
    try:
        return _cached(compiler, _cache_folder()) or _compiled_privately(compiler)
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or error
        _log.warning("%s cannot compile the kernels (%s): the fast back end runs its slower numba kernels", compiler, said)
        return None


def _cache_folder() -> Path:
    named = os.environ.get("XDG_CACHE_HOME")
    return (Path(named) if named else Path("~/.cache").expanduser()) / "ecc_lava"


def _cached(compiler: str, folder: Path) -> ctypes.CDLL | None:
    """Return the library from the cache folder, compiled first if need be; None if the folder cannot be written."""
    library = folder / f"fast_kernels-{_digest(compiler)}.so"
    if library.is_file():
        try:
            return ctypes.CDLL(str(library))
        except OSError as error:
            _log.warning("%s cannot be loaded (%s) and is compiled again", library, error)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, made = tempfile.mkstemp(prefix="fast_kernels-", suffix=".tmp", dir=folder)
    except OSError as error:
        _log.warning("kernels cannot be kept in %s (%s; set XDG_CACHE_HOME): compiling them for this process only", folder, error)
        return None
    os.close(descriptor)
    try:
        _compile(compiler, Path(made))
        Path(made).replace(library)  # another process may look for the library now and must not see a part
    finally:
        Path(made).unlink(missing_ok=True)
    return ctypes.CDLL(str(library))


def _compiled_privately(compiler: str) -> ctypes.CDLL:
    with tempfile.TemporaryDirectory(prefix="ecc_lava-") as folder:  # a loaded library no longer needs its file
        library = Path(folder) / "fast_kernels.so"
        _compile(compiler, library)
        return ctypes.CDLL(str(library))


def _compile(compiler: str, library: Path) -> None:
    for options in _FOR_THIS_PROCESSOR:
        command = [compiler, *_OPTIONS, *options, "-o", str(library), str(_SOURCE)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S)
        if done.returncode == 0:
            return
    raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)


def _digest(compiler: str) -> str:
    version = subprocess.run([compiler, "--version"], capture_output=True, timeout=_LIMIT_S).stdout
    sources = _SOURCE.read_bytes() + _INCLUDED.read_bytes()
    parts = (sources, repr((_OPTIONS, _FOR_THIS_PROCESSOR)).encode(), compiler.encode(), version, _processor().encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _processor() -> str:
    """Return the processor's name and features."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.is_file() else []
    said = {line.partition(":")[0].strip(): line for line in lines}
    return "\n".join([platform.machine(), platform.processor(), *(said.get(key, "") for key in ("model name", "flags", "Features"))])
