"""The kernels in Python for machines without a C compiler; numba compiles them.

They do what `kernels.c` does, one row at a time. Importing a module of this folder imports numba.
"""
