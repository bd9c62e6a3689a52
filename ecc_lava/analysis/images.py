"""The images that a network is analysed on, checked before anything runs."""

from __future__ import annotations

from typing import overload

from ecc_lava.common import Array, Images
from ecc_lava.inputs import ImageSource, as_batch, batch_size, by_input, encode_all, in_memory, seen_in, warn_of_all
from ecc_lava.networks import QuantisedNetwork

__all__ = ["checked_images"]


@overload
def checked_images(network: QuantisedNetwork, x: Images) -> dict[str, Array]: ...
@overload
def checked_images(network: QuantisedNetwork, x: Images | ImageSource) -> dict[str, Array] | ImageSource: ...
def checked_images(network: QuantisedNetwork, x: Images | ImageSource) -> dict[str, Array] | ImageSource:
    """Return the images by input name; warn of clipped values and of another range than that of calibration, once for all images.

    The images of a source are read part by part, and stay there.

    Raises
    ------
    InvalidInput
        If images do not fit.
    """
    specs = network.input_specs
    if not isinstance(x, ImageSource):
        named = by_input(x, specs)
        encode_all(as_batch(named, specs), network.codings, network.calibrated)
        return named
    seen, first = [], 0
    for part in in_memory(x):
        end = first + batch_size(part)
        seen.append(seen_in(as_batch(part, specs, f"images {first} to {end - 1}"), network.codings))
        first = end
    warn_of_all(seen, network.codings, network.calibrated)
    return x
