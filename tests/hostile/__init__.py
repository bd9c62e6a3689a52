"""The attack on every reader of files: seeded mutants, each of which must be refused in one message or load as a whole.

``python -m tests.hostile mutants --each 10000`` prints the table of a large attack; the tests of this folder run a small one.
"""
