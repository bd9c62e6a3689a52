"""Lava Processes and their fixed-point ProcessModels; importing a module of this folder imports Lava.

No other code belongs here, because Lava executes every module beside a Process's own when it looks for ProcessModels.
"""

from ecc_lava.backends.lava.importing import import_lava

import_lava()
