"""The kernels of the fast back end, once in C and once in Python for numba, and what compiles and calls them.

Both sets compute the same integers; `tests/backends` compares them with `golden`.
"""
