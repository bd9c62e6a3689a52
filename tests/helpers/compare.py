"""Whether two back ends, or a deployment and the whole network, did the same."""

from __future__ import annotations

import numpy as np

from ecc_lava.backends.activity import ActivityOf, Recording
from ecc_lava.networks import QuantisedNetwork
from hw_mappings import Deployment

__all__ = ["assert_deployed_alike", "assert_same_activity", "everything"]


def everything(network: QuantisedNetwork) -> Recording:
    """Ask for all that a back end can record."""
    return Recording(frozenset(network.by_name), over_time=True)


def assert_same_activity(expected: ActivityOf, got: ActivityOf, *, types: bool = True) -> None:
    """Assert that two back ends did the same, in every integer, and unless told otherwise in arrays of the same type."""
    assert expected.keys() == got.keys()
    for name in expected:
        for field in ("counts", "potential", "raster", "over_time", "saturated_low", "saturated_high", "sent"):
            want, have = getattr(expected[name], field), getattr(got[name], field)
            assert (want is None) == (have is None), (name, field)
            if want is not None:
                np.testing.assert_array_equal(have, want, err_msg=f"{name} {field}")
                assert not types or getattr(have, "dtype", None) == getattr(want, "dtype", None), (name, field)


def assert_deployed_alike(found: Deployment) -> None:
    """Assert that a deployment differs from `fast` in nothing."""
    assert (found.lava_vs_fast.differing_spikes, found.lava_vs_fast.differing_potentials) == (0, 0)
    assert found.counters == found.predicted
    assert found.ok
