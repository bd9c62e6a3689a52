"""Makes Lava importable on Python 3.11 and later; comes before any other import of Lava.

lava-nc 0.10.0, the last release, has dataclasses whose defaults are instances of `ByteEncoder`, a dataclass without a hash. Python 3.11
takes such a default for a mutable one, as a list is, and refuses the class. `import_lava` gives `ByteEncoder` a hash.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import find_spec, module_from_spec
from types import CodeType
from typing import Final

__all__ = ["import_lava"]

_MODULE: Final = "lava.magma.compiler.var_model"
_REFUSED: Final = b"@dataclass\nclass ByteEncoder:"
_TAKEN: Final = b"@dataclass(unsafe_hash=True)\nclass ByteEncoder:"
"""As many lines, so that tracebacks still fit the file."""


class _Hashable(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        """Compile the changed source; the file and its bytecode stay as they are."""
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path).replace(_REFUSED, _TAKEN), path)


def import_lava() -> None:
    """Import the module of Lava that Python 3.11 and later refuse, once in a process.

    Raises
    ------
    ImportError
        If Lava is not installed, or is broken.
    """
    if _MODULE in sys.modules:
        return
    spec = find_spec(_MODULE)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"No module named {_MODULE!r}", name=_MODULE)
    spec.loader = loader = _Hashable(_MODULE, spec.origin)
    sys.modules[_MODULE] = module = module_from_spec(spec)
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[_MODULE]
        raise
    parent, _, name = _MODULE.rpartition(".")
    setattr(importlib.import_module(parent), name, module)  # as an import does
