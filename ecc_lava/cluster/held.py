"""What a worker keeps for all shards of a run: sent once, found by its digest.

Pickled are objects of this package alone, from a client to its own workers; a client can run whatever it likes on its workers anyway.
"""

from __future__ import annotations

import hashlib
import pickle
from collections import OrderedDict
from threading import Lock
from typing import Any, Final

__all__ = ["MOST", "forget", "hold", "held", "packed"]

MOST: Final = 4
"""Objects that a worker keeps; the one that was used longest ago goes first."""

_held: OrderedDict[str, Any] = OrderedDict()
_lock = Lock()


def packed(shared: Any) -> tuple[str, bytes]:
    """Return an object's digest and bytes."""
    content = pickle.dumps(shared, protocol=pickle.HIGHEST_PROTOCOL)
    return hashlib.sha256(content).hexdigest(), content


def hold(digest: str, content: bytes) -> bool:
    """Keep an object on this worker; return False if the bytes are others than were sent."""
    if hashlib.sha256(content).hexdigest() != digest:
        return False
    if held(digest) is None:
        found = pickle.loads(content)  # noqa: S301  (the client's own objects)
        with _lock:
            _held[digest] = found
            while len(_held) > MOST:
                _held.popitem(last=False)
    return True


def held(digest: str) -> Any:
    """Return an object that this worker keeps; None if it has lost it or never had it."""
    with _lock:
        if digest in _held:
            _held.move_to_end(digest)
        return _held.get(digest)


def forget() -> None:
    """Keep nothing any more."""
    with _lock:
        _held.clear()
