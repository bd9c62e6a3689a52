"""The fast back end: exact and event-driven, compiled from C or by numba.

`planning` lays a network out once as `plan`, `batch` runs images through it, `jobs` says what the kernels take, and `kernels` does the
arithmetic. The results do not depend on the number of threads or the set of kernels.
"""
