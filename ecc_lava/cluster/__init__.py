"""Workers of a Dask cluster: a function over shards, with results in the order of the shards.

This room opens a client, checks that client and workers are the same version, gives every worker what all shards share once, and goes on
when workers or the scheduler end. It knows no network and no images, and keeps nothing on disk. Dask is imported when a client is opened.
To spread other work, write a function (what is shared, item) -> result at the top of a module and hand it to `map_shards`.
"""

from ecc_lava.cluster.client import open_client, own_client
from ecc_lava.cluster.shards import Shards, map_shards, shared_out
from ecc_lava.cluster.versions import check_workers
from ecc_lava.cluster.work import WorkerShare, WorkReport

__all__ = ["Shards", "WorkReport", "WorkerShare", "check_workers", "map_shards", "open_client", "own_client", "shared_out"]
