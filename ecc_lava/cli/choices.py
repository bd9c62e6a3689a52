"""What options with a few fixed values may be."""

from __future__ import annotations

from enum import Enum

__all__ = ["Backend", "Coding", "Format", "Per", "Placer", "Recipe", "Runtime", "Sampler", "SynapseModel", "Target"]


class Format(str, Enum):
    """Number formats."""

    LOIHI1 = "loihi1"
    LOIHI2 = "loihi2"


class Recipe(str, Enum):
    """Conversion recipes."""

    BEST = "best"
    CHANNEL = "channel"
    ECC = "ecc"


class Coding(str, Enum):
    """Input codings."""

    GRADED = "graded"
    RATE = "rate"
    POISSON = "poisson"
    EVENTS = "events"


class Per(str, Enum):
    """What has a unit of its own."""

    CHANNEL = "channel"
    LAYER = "layer"


class Backend(str, Enum):
    """Back ends."""

    FAST = "fast"
    GOLDEN = "golden"
    LAVA = "lava"
    FLOAT = "float"
    CLOSED_FORM = "closed-form"


class Placer(str, Enum):
    """Placement algorithms."""

    ROW_MAJOR = "row-major"
    HILBERT = "hilbert"
    QAP = "qap"
    ANNEALED = "annealed"


class Runtime(str, Enum):
    """What runs a deployment."""

    AUTO = "auto"
    LAVA = "lava"
    ONE_PROCESS = "one-process"


class Target(str, Enum):
    """What a network is exported to."""

    VECTORS = "vectors"


class Sampler(str, Enum):
    """Samplers of a search."""

    NSGA2 = "nsga2"
    TPE = "tpe"


class SynapseModel(str, Enum):
    """Models of synaptic memory."""

    STRICT = "strict"
    IDEAL = "ideal"
