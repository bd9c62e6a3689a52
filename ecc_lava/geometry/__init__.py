"""Linear operators between feature maps: what the synapses of a projection compute.

A geometry is a kernel and how it is laid over a map. The same type carries float64 weights (float networks) and int8 mantissas
(integer networks). This package knows nothing of neurons, number formats or chips.
"""

from ecc_lava.geometry.application import apply, transposed
from ecc_lava.geometry.counting import axis_fan_out, fan_out, synapses
from ecc_lava.geometry.sampling import apply_at, windows
from ecc_lava.geometry.sparse import (
    as_sparse,
    axes_permuted,
    from_synapses,
    is_in_place,
    permutation,
    reshaping,
    sparse_product,
    sparse_sum,
)
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
from ecc_lava.geometry.weights import over_synapses, scaled_by_source, scaled_by_target

__all__ = [
    "Conv",
    "Dense",
    "Geometry",
    "Sparse",
    "apply",
    "apply_at",
    "as_sparse",
    "axes_permuted",
    "axis_fan_out",
    "diagonal",
    "fan_out",
    "from_synapses",
    "is_diagonal",
    "is_in_place",
    "is_placement",
    "over_synapses",
    "permutation",
    "reshaping",
    "scaled_by_source",
    "scaled_by_target",
    "sparse_product",
    "sparse_sum",
    "stretched",
    "synapses",
    "target_shape",
    "transposed",
    "windows",
    "with_kernel",
    "written",
]
