"""The kernels of the fast back end in C and in Python, and the code that compiles and calls them.

`compile` and `native` serve `kernels.c`, which includes `vectors.h` (what depends on the width of the processor's vectors) and
`payloads.c`. `with_numba` serves `in_python`. Both sets compute the same integers as `golden`.
"""
