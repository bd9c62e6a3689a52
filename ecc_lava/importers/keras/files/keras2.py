"""Descriptions that Keras 2 wrote, in the words of Keras 3: names, classes and settings that Keras 3 refuses although they change nothing.

Nothing here imports Keras or opens a file. A setting that Keras 3 does not take and that means something stays, so that Keras refuses it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from typing import Any, Final

from ecc_lava.importers.keras.files.keras2_wiring import count_calls_from_0, objects_of, without_slashes
from ecc_lava.importers.keras.spellings import OF_KERAS_2
from ecc_lava.importers.keras.stand_ins import QUANTISERS

__all__ = ["in_words_of_keras_3", "meant_otherwise", "without_unknown_settings"]

_CLASSES: Final = dict.fromkeys(("BatchNormalizationV1", "BatchNormalizationV2", "SyncBatchNormalization"), "BatchNormalization")
"""Classes of Keras 2 that are another class at inference."""

_POLICIES: Final = frozenset({"AutoPolicy", "Policy", "PolicyV1"})

_NEUTRAL: Final = {
    "groups": (1,),
    "ragged": (False,),
    "renorm": (False,),
    "sparse": (False,),
    "time_major": (False,),
    "unroll": (False,),
}
"""Setting -> values with which it changes nothing; None changes nothing in any setting."""

_OF_TRAINING: Final = ("experimental_autocast", "fused", "implementation", "noise_shape", "rng_type", "trainable")
"""Settings that change nothing at inference, whatever their value."""

_OF_TRAINING_BY_ENDING: Final = ("_constraint", "_initializer", "_regularizer")


def in_words_of_keras_3(description: dict[str, Any]) -> list[str]:
    """Change names and classes of a description in place, and return what was changed, in words."""
    said: Counter[str] = Counter()
    for found in objects_of(description):
        kind, inner = found["class_name"], found.get("config")
        if kind in _CLASSES:
            found["class_name"] = _CLASSES[kind]
            said[f"{kind} becomes {_CLASSES[kind]}"] += 1
        if isinstance(inner, dict):
            _with_known_functions(inner, said)
            _with_plain_dtype(inner, said)
            if found["class_name"] == "LeakyReLU" and "alpha" in inner and "negative_slope" not in inner:
                inner["negative_slope"] = inner.pop("alpha")
                said["'alpha' of LeakyReLU becomes 'negative_slope'"] += 1
            axis = inner.get("axis")
            if found["class_name"] == "BatchNormalization" and isinstance(axis, list) and len(axis) == 1:
                inner["axis"] = axis[0]
                said["'axis' of BatchNormalization becomes a number"] += 1
            _without_constraints_of_larq(inner, said)
            _with_layer_of_quantiser(found, inner, said)
            _with_input_layer(found["class_name"], inner, said)
            count_calls_from_0(inner, said)
    without_slashes(description, said)
    return [text if count == 1 else f"{text} ({count} times)" for text, count in said.items()]


def _with_known_functions(inner: dict[str, Any], said: Counter[str]) -> None:
    for key in ("activation", "recurrent_activation"):
        given = inner.get(key)
        name = given.get("config") if isinstance(given, dict) and given.get("class_name") == "function" else given
        if isinstance(name, str) and name in OF_KERAS_2:
            inner[key] = OF_KERAS_2[name]
            said[f"{name} becomes {OF_KERAS_2[name]}"] += 1


def _without_constraints_of_larq(inner: dict[str, Any], said: Counter[str]) -> None:
    """Leave out constraints of Larq, which act in training alone."""
    for key, given in inner.items():
        if key.endswith("_constraint") and isinstance(given, dict) and given.get("class_name") in ("WeightClip", "weight_clip"):
            inner[key] = None
            said[f"{key!r} of Larq is left out"] += 1


def _with_layer_of_quantiser(found: dict[str, Any], inner: dict[str, Any], said: Counter[str]) -> None:
    """Let an Activation by a quantiser of Larq be that quantiser, which is a layer itself."""
    given = inner.get("activation")
    kind = given.get("class_name") if isinstance(given, dict) else QUANTISERS.get(given) if isinstance(given, str) else None
    if found["class_name"] == "Activation" and kind in QUANTISERS.values():
        settings = given["config"] if isinstance(given, dict) and isinstance(given.get("config"), dict) else {}
        found |= {
            "class_name": kind,
            "module": "larq.quantizers",
            "registered_name": kind,
            "config": settings | {"name": inner.get("name")},
        }
        said[f"an Activation by {kind} becomes a layer"] += 1


def _with_plain_dtype(inner: dict[str, Any], said: Counter[str]) -> None:
    """Name a policy as Keras 3 does, by its types alone."""
    policy = inner.get("dtype")
    if isinstance(policy, dict) and policy.get("class_name") in _POLICIES and isinstance(policy.get("config"), dict):
        name = policy["config"].get("name")
        if not isinstance(name, str) or policy.get("module") not in (None, "keras.mixed_precision", "keras.src.mixed_precision.policy"):
            return
        inner["dtype"] = "float32" if name in ("infer", "_infer") else name
        said["a policy becomes its name"] += 1


def _with_input_layer(kind: str, inner: dict[str, Any], said: Counter[str]) -> None:
    """Let an InputLayer alone give the shape of a model's input; Keras 2 also wrote it into the layer after it, or there alone."""
    layers = inner.get("layers")
    if kind not in ("Functional", "Model", "Sequential") or not isinstance(layers, list):
        return
    settings = [layer["config"] for layer in layers if isinstance(layer, dict) and isinstance(layer.get("config"), dict)]
    if len(settings) < len(layers) or not layers:
        return
    if kind == "Sequential" and layers[0].get("class_name") != "InputLayer" and "batch_input_shape" in settings[0]:
        first = settings[0]
        dtype = first["dtype"] if isinstance(first.get("dtype"), str) else "float32"
        given = {"batch_input_shape": first["batch_input_shape"], "dtype": dtype, "name": f"{first.get('name', 'first')}_input"}
        layers.insert(0, {"class_name": "InputLayer", "config": given})
        settings.insert(0, given)
    for layer, setting in zip(layers, settings, strict=True):
        if layer.get("class_name") != "InputLayer" and setting.pop("batch_input_shape", None) is not None:
            said["the input's shape is the InputLayer's alone"] += 1


def without_unknown_settings(description: dict[str, Any], known: Callable[[str], Collection[str] | None]) -> list[str]:
    """Leave out settings that a layer does not take and that change nothing, in place; return what was left out, in words.

    Parameters
    ----------
    description : dict
    known : callable (class name) -> names of settings, or None
        What the layer of Keras that will be made takes; None for a class that is no layer.
    """
    said: Counter[str] = Counter()
    for found in objects_of(description):
        kind, inner = found["class_name"], found.get("config")
        takes = known(kind) if isinstance(inner, dict) else None
        if takes is None or not isinstance(inner, dict):
            continue
        for key in [key for key, value in inner.items() if key not in takes and _changes_nothing(key, value)]:
            del inner[key]
            said[f"{key!r} of {kind} is left out"] += 1
    return [text if count == 1 else f"{text} ({count} times)" for text, count in said.items()]


def _changes_nothing(key: str, value: Any) -> bool:
    if value is None or key in _OF_TRAINING or key.endswith(_OF_TRAINING_BY_ENDING):
        return True
    return any(type(value) is type(neutral) and value == neutral for neutral in _NEUTRAL.get(key, ()))


def meant_otherwise(description: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (where, why) for every function of a file of Keras 2 that Keras 3 would compute differently."""
    for found in objects_of(description):
        inner = found.get("config")
        given = inner.get("activation") if isinstance(inner, dict) else None
        name = given.get("config") if isinstance(given, dict) else given
        if isinstance(inner, dict) and name == "hard_sigmoid":
            yield (
                f"{inner.get('name', 'a layer')} ({found['class_name']})",
                "hard_sigmoid of Keras 2 is 0.2x + 0.5, but Keras 3 computes x/6 + 0.5; train with Keras 3, or with relu",
            )
