"""BLAS on one thread while a conversion shares its work over the cores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["one_blas_thread"]


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let BLAS compute on the thread that calls it: sums do not depend on the number of cores, and no thread waits busily."""
    import scipy.linalg  # noqa: F401  # loads a BLAS of its own, which is limited too
    import threadpoolctl

    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        yield
