"""Test vectors of every core for RTL or silicon bring-up: memory, events in and out, potentials.

`format.FORMAT` describes the files. No Lava is needed.
"""

from hw_mappings.vectors.export import export_vectors

__all__ = ["export_vectors"]
