"""The images that a network is analysed on, checked before anything runs."""

from __future__ import annotations

from ecc_lava.common import Array, Images
from ecc_lava.inputs import as_batch, by_input, encode_all
from ecc_lava.networks import QuantisedNetwork

__all__ = ["checked_images"]


def checked_images(network: QuantisedNetwork, x: Images) -> dict[str, Array]:
    """Return the images by input name; warn of clipped values and of another range than that of calibration, once for all images.

    Raises
    ------
    InvalidInput
        If images do not fit.
    """
    named = by_input(x, network.input_specs)
    encode_all(as_batch(named, network.input_specs), network.codings, network.calibrated)
    return named
