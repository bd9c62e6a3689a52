"""The images that a network is analysed on, checked before anything runs."""

from __future__ import annotations

import numpy as np

from ecc_lava.common import Array, Images
from ecc_lava.errors import InvalidInput
from ecc_lava.inputs import as_batch, batch_size, by_input, encode_all
from ecc_lava.networks import QuantisedNetwork

__all__ = ["checked_images"]


def checked_images(network: QuantisedNetwork, x: Images, labels: Array | None) -> dict[str, Array]:
    """Return the images by input name; warn of clipped values, once for all images.

    Raises
    ------
    InvalidInput
        If images or labels do not fit.
    """
    named = by_input(x, network.input_specs)
    inputs, samples = as_batch(named, network.input_specs), batch_size(named)
    if labels is not None and np.shape(labels) != (samples,):
        raise InvalidInput(f"labels of shape {np.shape(labels)} for {samples} images")
    encode_all(inputs, network.codings)
    return named
