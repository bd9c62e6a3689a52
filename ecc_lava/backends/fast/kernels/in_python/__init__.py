"""The kernels in Python, compiled by numba: what `kernels.c` does, one row at a time, for machines without a C compiler."""
