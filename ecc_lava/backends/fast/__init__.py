"""The fast back end: exact and event-driven, compiled from C or by numba.

`planning` lays a network out once, `jobs` cut a batch for threads, `kernels` do the arithmetic.
"""
