"""The Lava back end: an integer network as processes of Intel's Lava, one per core, equal to `golden` bit for bit.

`run` is what callers see. `cores` is the arithmetic in plain numpy, `host` runs Lava in a process of its own under a watchdog, `processes`
holds the Lava Processes. Importing this package imports no Lava.
"""
