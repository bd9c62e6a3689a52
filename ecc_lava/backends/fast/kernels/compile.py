"""Compiles the C kernels with the system's compiler when they are first used; `keeping` keeps the library for later processes.

The library's key is a digest of the source, the compiler, its options and the processor. So a change of any of them makes another
library, and unlike machines may share a home folder. The library holds its key, so one that was made of another source is found.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from ecc_lava.backends.fast.kernels.keeping import keep, kept, own_folder
from ecc_lava.backends.fast.kernels.native import NUMBERS, SIGNATURES
from ecc_lava.common import temporary_folder

__all__ = ["compile_kernels", "load_library"]

_log = logging.getLogger(__name__)

_SOURCE = Path(__file__).with_name("kernels.c")
_INCLUDED = [Path(__file__).with_name(name) for name in ("vectors.h", "signs.c", "payloads.c")]
_COMPILERS = ("cc", "gcc", "clang")
_OPTIONS = ("-std=gnu11", "-O3", "-fwrapv", "-shared", "-fPIC")
_FOR_THIS_PROCESSOR = (("-march=native", "-mprefer-vector-width=512"), ("-march=native",), ("-mcpu=native",), ())
"""Options to try in this order, because not every compiler has every option."""
_LIMIT_S = 60.0
_ROOM = 2**20
"""Bytes that a folder must have free for the compiler's output."""
_TRIAL = "import ctypes, sys; ctypes.CDLL(sys.argv[1]).dense_from()"
"""Run in a process of its own, because a library that is wrong may end the process that loads it."""


def load_library() -> ctypes.CDLL | None:
    """Return the compiled kernels; without a compiler, or if it fails, log a warning and return None."""
    compiler = next((path for path in map(shutil.which, _COMPILERS) if path), None)
    if compiler is None:
        _log.warning("no C compiler (%s) was found: the fast back end runs its slower numba kernels", ", ".join(_COMPILERS))
        return None
    try:
        key = _digest(compiler)
        folder = own_folder()
        library = None if folder is None else kept(folder, key)
        return _made(compiler, key, folder) if library is None else _opened(library, key)
    except (OSError, ValueError, AttributeError, subprocess.SubprocessError) as error:
        shown = _shown(getattr(error, "stderr", None) or str(error))
        _log.warning("%s cannot compile the kernels (%s): the fast back end runs its slower numba kernels", compiler, shown)
        return None


def _shown(said: bytes | str) -> str:
    told = said.decode(errors="backslashreplace") if isinstance(said, bytes) else said
    return " ".join(told.split())[:300].encode("unicode_escape").decode()  # a compiler may print any bytes


def _made(compiler: str, key: str, folder: Path | None) -> ctypes.CDLL:
    """Compile, try and load the library, and keep it in the folder if there is one."""
    with ExitStack() as stack:  # a loaded library no longer needs its file
        made = _draft(folder, stack) / "fast_kernels.so"
        compile_kernels(compiler, made, (f"-DKERNELS_KEY={key}",))
        subprocess.run([sys.executable, "-I", "-c", _TRIAL, str(made)], check=True, capture_output=True, timeout=_LIMIT_S)
        library = _opened(made, key)
        if folder is not None:
            keep(folder, key, made)
        return library


def _draft(folder: Path | None, stack: ExitStack) -> Path:
    """Make a folder with room for the compiler's output: in the folder of kept libraries if it has room, else with temporary files."""
    for place in (folder, None)[folder is None :]:
        try:
            draft = stack.enter_context(temporary_folder(place))
            probe = draft / "room"
            probe.write_bytes(bytes(_ROOM))
            probe.unlink()
            return draft
        except OSError as error:
            if place is None:
                raise
            _log.debug("%s has no room to compile in: %s", place, error)
    raise AssertionError


def _opened(path: Path, key: str) -> ctypes.CDLL:
    """Load a library, and check that it was made of this source.

    Raises
    ------
    OSError
        If the file is no library.
    ValueError
        If it has another key, or lacks one of the functions.
    """
    library = ctypes.CDLL(str(path))
    missing = [name for name in ("kernels_key", *NUMBERS, *SIGNATURES) if not hasattr(library, name)]
    if missing:
        raise ValueError(f"its library has no {missing[0]}")
    if (ctypes.c_char * (len(key) + 1)).in_dll(library, "kernels_key").value != key.encode():
        raise ValueError("its library was made of another source")
    return library


def compile_kernels(compiler: str, library: Path, further: Sequence[str] = ()) -> None:
    """Compile the kernels to a file, with further options; log a warning if no option for this processor's vectors works.

    Raises
    ------
    subprocess.SubprocessError
        If the compiler fails or takes too long.
    """
    refused = b""
    for options in _FOR_THIS_PROCESSOR:
        command = [compiler, *_OPTIONS, *options, *further, "-o", str(library), str(_SOURCE)]
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=_LIMIT_S)
        if done.returncode == 0:
            if not options:
                _log.warning("%s compiled the kernels only without this processor's vectors, slower (%s)", compiler, _shown(refused))
            return
        refused = refused or done.stderr
    raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)


def _digest(compiler: str) -> str:
    version = subprocess.run([compiler, "--version"], capture_output=True, stdin=subprocess.DEVNULL, timeout=_LIMIT_S).stdout
    sources = b"".join(path.read_bytes() for path in (_SOURCE, *_INCLUDED))
    parts = (
        sources,
        repr((_OPTIONS, _FOR_THIS_PROCESSOR)).encode(),
        compiler.encode(errors="surrogateescape"),
        version,
        _processor().encode(),
    )
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _processor() -> str:
    """Return the processor's name and features."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(errors="replace").splitlines() if told.is_file() else []
    said = {line.partition(":")[0].strip(): line for line in lines}
    return "\n".join([platform.machine(), platform.processor(), *(said.get(key, "") for key in ("model name", "flags", "Features"))])
