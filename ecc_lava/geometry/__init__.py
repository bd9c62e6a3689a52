"""Linear operators between feature maps: what the synapses of a projection compute.

A geometry is a kernel and how it lies on a map. One type carries float64 weights (float networks) and int8 mantissas (integer networks).
This room knows neither neurons nor number formats nor chips. A new geometry needs a case in every `match` that the type checker names.
"""

from ecc_lava.geometry.application import apply, padded_source, transposed
from ecc_lava.geometry.binary import EQUAL, is_binary, mixes_channels
from ecc_lava.geometry.composition import composition_of, overlaid, touches
from ecc_lava.geometry.convolution_pairs import Composition
from ecc_lava.geometry.counting import built_bytes, fan_out, synapses
from ecc_lava.geometry.description import ARRAYS, arrays, describe, rebuild
from ecc_lava.geometry.grids import STEPS_ALIKE, WeightGrid, composed_grid, grid_of, largest_weights, on_grid, steps_of
from ecc_lava.geometry.sampling import apply_at, windows
from ecc_lava.geometry.sparse import as_sparse, axes_permuted, from_synapses, is_in_place, permutation, reshaping, sparse_sum
from ecc_lava.geometry.types import (
    Conv,
    Dense,
    Geometry,
    Sparse,
    diagonal,
    is_diagonal,
    is_placement,
    stretched,
    target_shape,
    with_kernel,
    written,
)
from ecc_lava.geometry.weights import added, over_synapses, scaled_by_source, scaled_by_target, sums_by_sign

__all__ = [
    "STEPS_ALIKE",
    "ARRAYS",
    "EQUAL",
    "Composition",
    "Conv",
    "Dense",
    "Geometry",
    "WeightGrid",
    "Sparse",
    "added",
    "apply",
    "apply_at",
    "arrays",
    "as_sparse",
    "axes_permuted",
    "built_bytes",
    "composed_grid",
    "composition_of",
    "describe",
    "diagonal",
    "fan_out",
    "from_synapses",
    "grid_of",
    "is_binary",
    "is_diagonal",
    "is_in_place",
    "is_placement",
    "largest_weights",
    "mixes_channels",
    "on_grid",
    "over_synapses",
    "overlaid",
    "padded_source",
    "permutation",
    "rebuild",
    "reshaping",
    "scaled_by_source",
    "scaled_by_target",
    "sums_by_sign",
    "sparse_sum",
    "steps_of",
    "stretched",
    "synapses",
    "target_shape",
    "touches",
    "transposed",
    "windows",
    "with_kernel",
    "written",
]
