"""The Lava back end: an integer network as processes of Intel's Lava, one per core, equal to `golden` bit for bit.

Callers use `run`. `cores` holds the arithmetic in plain numpy, `host` runs Lava in a process of its own under a watchdog, and `processes`
holds the Lava Processes. `installed` is the one probe for Lava, and `importing` comes before any import of it. Importing this folder
imports no Lava.
"""
