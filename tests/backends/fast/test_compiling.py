"""How the C kernels are compiled, kept and checked before they are loaded: neither the cache nor the compiler's output is trusted."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ecc_lava.backends.fast import run as fast_module
from ecc_lava.backends.fast.kernels import compile as fast_compile
from ecc_lava.backends.fast.kernels import keeping
from ecc_lava.backends.fast.kernels.compile import load_library
from ecc_lava.backends.fast.kernels.native import NativeKernels
from ecc_lava.backends.fast.kernels.with_numba import NumbaKernels
from ecc_lava.common import content_digest, doubt_of_folder
from tests.backends.fast.test_fast import _chain, _check
from tests.helpers.kernels import NEEDS_COMPILER
from tests.helpers.networks import random_network, with_payloads
from tests.helpers.windows import WIDE


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if all(shutil.which(name) is None for name in fast_compile._COMPILERS):
        pytest.skip(NEEDS_COMPILER)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "ecc_lava"


@pytest.fixture
def cache(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache folder; the kernels are compiled fast rather than fast themselves."""
    monkeypatch.setattr(fast_compile, "_OPTIONS", ("-std=gnu11", "-O0", "-fwrapv", "-shared", "-fPIC"))
    return empty_cache


def _kept(cache: Path) -> Path:
    (library,) = cache.iterdir()
    return library


def _truncated(library: Path) -> None:
    library.write_bytes(library.read_bytes()[:8192])


def _altered(library: Path) -> None:
    content = bytearray(library.read_bytes())
    content[len(content) // 2] ^= 1
    library.write_bytes(content)


def _replaced_by_another(library: Path) -> None:
    library.unlink()
    library.symlink_to("/dev/null")


def test_a_library_is_compiled_once_and_only_a_whole_private_one_is_loaded(
    cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert load_library() is not None
    library, before = _kept(cache), _kept(cache).read_bytes()
    assert library.suffix == ".so"
    assert library.stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr(fast_compile, "compile_kernels", pytest.fail)
    assert load_library() is not None
    assert not caplog.records

    def again(compiler: str, made: Path, further: object) -> None:
        made.write_bytes(before)

    monkeypatch.setattr(fast_compile, "compile_kernels", again)
    for damage in (_truncated, _altered, _replaced_by_another, lambda path: path.chmod(0o777)):
        caplog.clear()
        damage(library)
        assert load_library() is not None
        assert "it is compiled again" in caplog.text
        assert _kept(cache).read_bytes() == before
        assert _kept(cache).stat().st_mode & 0o777 == 0o700
    cache.chmod(0o777)
    monkeypatch.setattr(keeping, "kept", pytest.fail)
    assert load_library() is not None
    assert "can be written by others: kernels are compiled for this process only" in caplog.text


@pytest.mark.skipif(platform.machine() != "x86_64", reason="names of x86 processors")
@pytest.mark.parametrize("processor", ["x86-64", "haswell", "skylake-avx512", "cascadelake", "icelake-server", "sapphirerapids", "znver4"])
def test_the_source_compiles_for_every_kind_of_processor(processor: str, tmp_path: Path) -> None:
    """Code for vectors that this machine lacks is compiled here all the same: a mistake in it costs others their speed."""
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip(NEEDS_COMPILER)
    source = str(fast_compile._SOURCE)
    command = [gcc, "-std=gnu11", "-O0", "-fwrapv", f"-march={processor}", "-S", "-o", str(tmp_path / "kernels.s"), source]
    done = subprocess.run(command, capture_output=True, text=True)
    if "bad value" in done.stderr:
        pytest.skip(f"this gcc does not know {processor}")
    assert done.returncode == 0, done.stderr[:2000]


def test_kernels_for_any_processor_are_said_to_be_slower(
    cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    options = (("-march=none-such",), ())
    monkeypatch.setattr(fast_compile, "_FOR_THIS_PROCESSOR", options)
    assert load_library() is not None
    assert "compiled the kernels only without this processor's vectors" in caplog.text
    assert "none-such" in caplog.text


@pytest.mark.slow
def test_kernels_built_with_sanitizers_run_generated_networks(tmp_path: Path) -> None:
    """Addresses and undefined behaviour, in a process of its own, because the sanitizer must be loaded before Python."""
    gcc = shutil.which("gcc")
    sanitizers = [] if gcc is None else [_of_gcc(gcc, f"lib{name}.so") for name in ("asan", "ubsan")]
    if gcc is None or not all(path.is_absolute() for path in sanitizers):
        pytest.skip("needs gcc with its sanitizers")
    made = tmp_path / "sanitised.so"
    defined = "-fno-sanitize=shift"  # -fwrapv defines the overflow; gcc defines shifts of negative numbers
    fast_compile.compile_kernels(gcc, made, ("-O1", "-g", "-fsanitize=address,undefined", defined, "-fno-sanitize-recover=all"))
    told = {"LD_PRELOAD": ":".join(map(str, sanitizers)), "ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc"}
    command = [sys.executable, "-m", "tests.helpers.sanitised", str(made), "30"]
    done = subprocess.run(command, env={**os.environ, **told}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout == "30 networks\n"


def _of_gcc(gcc: str, file: str) -> Path:
    return Path(subprocess.run([gcc, f"-print-file-name={file}"], capture_output=True, text=True, check=True).stdout.strip())


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("which", ["folder", "library"])
def test_what_belongs_to_another_user_is_not_loaded(which: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    library = tmp_path / f"{keeping.PREFIX}key-{content_digest(b'')}.so"
    library.write_bytes(b"")
    assert keeping.kept(tmp_path, "key") == library
    os.chown(tmp_path if which == "folder" else library, 12345, 12345)
    if which == "folder":
        assert "another user" in str(doubt_of_folder(tmp_path))
    else:
        assert keeping.kept(tmp_path, "key") is None
        assert "another user" in caplog.text


def _file_in_the_way(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.write_text("a file where the folder should be")


def _nobody(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have neither a home nor an entry in the list of users, as in many containers."""
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 987654)


@pytest.mark.parametrize("trouble", [_file_in_the_way, _nobody])
def test_a_cache_that_cannot_be_used(
    trouble: Callable[[Path, pytest.MonkeyPatch], None], cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    trouble(cache, monkeypatch)
    assert load_library() is not None
    (record,) = caplog.records
    assert "for this process only; set XDG_CACHE_HOME" in record.getMessage()


def test_a_full_cache(cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    real = Path.write_bytes

    def full(self: Path, content: bytes) -> int:
        if cache in self.parents:
            raise OSError(28, "No space left on device")
        return real(self, content)

    def no_sync(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    monkeypatch.setattr(os, "fsync", no_sync)
    assert load_library() is not None
    (record,) = caplog.records
    assert "No space left" in record.getMessage()
    assert not list(cache.iterdir())


def test_no_compiler(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("PATH", "")
    assert load_library() is None
    assert "no C compiler (cc, gcc, clang) was found" in caplog.text
    assert isinstance(fast_module.kernels.__wrapped__(), NumbaKernels)


OTHER_SOURCE = '#!/bin/sh\nfor made; do :; done\nwhile [ $# -gt 0 ]; do [ $1 = -o ] && out=$2; shift; done\n[ -n "$out" ] || exit 0\n'
LIARS = {
    "fails": ("echo what a pity >&2; exit 1", "what a pity"),
    "prints bytes": ("printf '\\351\\033[2J\\000\\377' >&2; exit 1", "cannot compile"),
    "makes nothing": ("exit 0", "cannot compile"),
    "makes no library": (OTHER_SOURCE + "echo text > $out", "cannot compile"),
    "makes another library": (OTHER_SOURCE + "echo 'int other;' | REAL -shared -fPIC -x c - -o $out", "cannot compile"),
    "makes a library that ends the process": (
        OTHER_SOURCE + "echo '__attribute__((constructor)) void f(void) { *(volatile int *)0 = 1; }' | REAL -shared -fPIC -x c - -o $out",
        "SIGSEGV",
    ),
    "is no program": ("", "cannot compile"),
}


@pytest.mark.parametrize("name", LIARS)
def test_a_compiler_that_fails_or_lies(
    name: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lines, told = LIARS[name]
    real = next(filter(None, map(shutil.which, fast_compile._COMPILERS)))
    false = tmp_path / "cc"
    false.write_bytes(f"#!/bin/sh\n{lines}\n".replace("REAL", real).encode() if lines else b"\0not a program")
    false.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert load_library() is None
    (record,) = caplog.records
    assert told in record.getMessage()
    assert "numba" in record.getMessage()
    assert record.getMessage().isprintable()
    assert not cache.exists() or not list(cache.iterdir())


def test_a_library_of_another_source_is_refused(cache: Path, tmp_path: Path) -> None:
    compiler, made = next(filter(None, map(shutil.which, fast_compile._COMPILERS))), tmp_path / "made.so"
    fast_compile.compile_kernels(compiler, made, ("-DKERNELS_KEY=0123456789abcdef",))
    fast_compile._opened(made, "0123456789abcdef")
    with pytest.raises(ValueError, match="another source"):
        fast_compile._opened(made, "fedcba9876543210")


def test_compiled_kernels_start_without_numba() -> None:
    if load_library() is None:
        pytest.skip(NEEDS_COMPILER)
    program = "import sys\nfrom ecc_lava.backends.fast.run import kernels\nkernels()\nprint('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.slow
def test_c_without_this_processors_extensions(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_compile, "_FOR_THIS_PROCESSOR", ((),))
    library = load_library()
    assert library is not None
    plain = NativeKernels(library)
    monkeypatch.setattr(fast_module, "kernels", lambda: plain)
    for seed in range(12):
        network = random_network(seed, rails=seed % 4 == 0, ranges=True, ports=seed % 3 == 0, sparse=seed % 5 == 0)
        _check(network, 6, 2, seed)
        _check(with_payloads(network, seed), 2, 2, seed)
    for source, geometry in WIDE.values():
        _check(_chain(source, [geometry]), 6)
