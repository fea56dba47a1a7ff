"""The table of rented names: what gradlint uses of TensorFlow and Keras that they do not promise to keep.

Each name is looked for when it is first used, in every place where a supported release has it. One that is in none
of them is a sentence about versions, and what alone needs it is the only thing that is lost.
"""

from __future__ import annotations

import functools
import importlib
from dataclasses import dataclass
from enum import Enum
from typing import Any

from gradlint.errors import UnknownVersionError


class Feature(str, Enum):
    """What is lost where a rented name is not to be found."""

    CHECK = "every check that runs the model"
    STRUCTURE = "--depth structure"
    DETOURS = "leaving TensorFlow for Python"
    PYTHON_FUNCTIONS = "tf.numpy_function and tf.py_function"
    DECISIONS = "values that decide a branch"
    VARIABLES = "reads of variables"
    INNER_GRADIENTS = "gradients that the model's own code asks for"
    NAMES = "automatic names that start where they did"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Rented:
    """A name that may move.

    Attributes:
        name: what gradlint calls it.
        places: `module:attribute`, the place of the newest release first.
        purpose: what gradlint does with it.
        since: the oldest supported release in which it is found.
        feature: what is lost without it.
    """

    name: str
    places: tuple[str, ...]
    purpose: str
    since: str
    feature: Feature = Feature.CHECK


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rented name was found: an attribute of a module or a class."""

    owner: Any
    attribute: str

    @property
    def value(self) -> Any:
        """What is there now, which may be a stand-in."""
        return getattr(self.owner, self.attribute)


_TF = "TensorFlow 2.18"
_KERAS = "Keras 3.12"
_EAGER = "tensorflow.python.eager"
_FRAMEWORK = "tensorflow.python.framework"
_OPS = "tensorflow.python.ops"

RENTED = (
    # -- values and identities
    Rented("EagerTensor", (f"{_FRAMEWORK}.ops:EagerTensor",), "tells values from symbols", _TF),
    Rented("tensor id", (f"{_FRAMEWORK}.tensor:Tensor._id",), "tells tensors apart", _TF),
    Rented("tensor memory", (f"{_FRAMEWORK}.ops:_EagerTensorBase._numpy",), "reads values without being seen", _TF),
    Rented("eager tensor methods", (f"{_FRAMEWORK}.ops:_EagerTensorBase",), "sees values leave TensorFlow", _TF,
           Feature.DETOURS),
    # -- observing
    Rented("add_op_callback", (f"{_FRAMEWORK}.op_callbacks:add_op_callback",), "sees each operation", _TF),
    Rented("remove_op_callback", (f"{_FRAMEWORK}.op_callbacks:remove_op_callback",), "stops seeing operations", _TF),
    Rented("eager custom gradient", (f"{_OPS}.custom_gradient:_eager_mode_decorator",), "sees tf.custom_gradient", _TF),
    Rented("graph custom gradient", (f"{_OPS}.custom_gradient:_graph_mode_decorator",), "sees tf.custom_gradient", _TF),
    Rented("record_operation", (f"{_EAGER}.record:record_operation",), "sees gradients of other functions", _TF),
    Rented("stop_recording", (f"{_EAGER}.record:stop_recording",), "works unseen by the tape", _TF, Feature.STRUCTURE),
    Rented("BaseResourceVariable", (f"{_OPS}.resource_variable_ops:BaseResourceVariable",), "sees silent reads", _TF,
           Feature.VARIABLES),
    Rented("variable_accessed", (f"{_OPS}.resource_variable_ops:variable_accessed",), "sees variables being read", _TF,
           Feature.VARIABLES),
    Rented("py_func_common", (f"{_OPS}.script_ops:py_func_common",), "sees tf.numpy_function", _TF,
           Feature.PYTHON_FUNCTIONS),
    Rented("py_function tapes", (f"{_OPS}.script_ops:tape_cache",), "differentiates tf.py_function twice", _TF,
           Feature.PYTHON_FUNCTIONS),
    Rented("py_function backprop", (f"{_OPS}.script_ops:backprop",), "differentiates tf.py_function twice", _TF,
           Feature.PYTHON_FUNCTIONS),
    Rented("extract_stack", ("tensorflow.python.util.tf_stack:extract_stack",), "maps lines of AutoGraph back", _TF,
           Feature.STRUCTURE),
    # -- the tape
    Rented("imperative_grad", (f"{_EAGER}.imperative_grad:imperative_grad",), "sees inner gradients", _TF,
           Feature.INNER_GRADIENTS),
    Rented("gradient function", (f"{_EAGER}.backprop:_gradient_function",), "asks one operation for its gradient", _TF),
    Rented("register gradient function", ("tensorflow.python.pywrap_tfe:TFE_Py_RegisterGradientFunction",),
           "goes on where a gradient function fails", _TF),
    Rented("execute", ("tensorflow.python.pywrap_tfe:TFE_Py_Execute",), "runs one operation again", _TF),
    Rented("get_gradient_function", (f"{_FRAMEWORK}.ops:get_gradient_function",), "asks a node for its gradient", _TF,
           Feature.STRUCTURE),
    # -- state
    Rented("eager context", (f"{_EAGER}.context:context",), "keeps TensorFlow's seed", _TF),
    Rented("get_global_attribute", ("keras.src.backend.common.global_state:get_global_attribute",),
           "keeps Keras's seeds and counters", _KERAS),
    Rented("set_global_attribute", ("keras.src.backend.common.global_state:set_global_attribute",),
           "gives Keras's seeds and counters back", _KERAS),
    # -- runs on symbols
    Rented("FuncGraph", (f"{_FRAMEWORK}.func_graph:FuncGraph",), "writes operations down", _TF, Feature.STRUCTURE),
    Rented("get_default_graph", (f"{_FRAMEWORK}.ops:get_default_graph",), "tells graphs apart", _TF),
    Rented("symbol accessed", (f"{_EAGER}.tape:variable_accessed",), "tells the tape of a symbol", _TF,
           Feature.STRUCTURE),
    Rented("cond", (f"{_OPS}.cond_v2:cond_v2",), "builds both branches", _TF, Feature.STRUCTURE),
    Rented("case", (f"{_OPS}.cond_v2:indexed_case",), "builds all branches", _TF, Feature.STRUCTURE),
    Rented("while_loop", (f"{_OPS}.while_v2:while_loop",), "builds the body of a loop", _TF, Feature.STRUCTURE),
    Rented("tf.function call", (f"{_EAGER}.polymorphic_function.polymorphic_function:Function.__call__",),
           "opens tf.functions", _TF, Feature.STRUCTURE),
    Rented("ConversionOptions", ("tensorflow.python.autograph.core.converter:ConversionOptions",), "opens tf.functions",
           _TF, Feature.STRUCTURE),
    Rented("converted_call", ("tensorflow.python.autograph.impl.api:converted_call",), "opens tf.functions", _TF,
           Feature.STRUCTURE),
    # -- Keras's models
    Rented("current_path", ("keras.src.backend.common.name_scope:current_path",), "names the layer at work", _KERAS),
    Rented("layers inside", ("keras:Layer._flatten_layers",), "walks nested layers", _KERAS),
    Rented("loss of a model", ("keras:Model._compute_loss", "keras:Model.compute_loss"), "asks for the loss", _KERAS),
)  # fmt: skip

_BY_NAME = {rented.name: rented for rented in RENTED}


@functools.cache
def place_of(name: str) -> Place:
    """Where a name of the table is in the libraries that are installed.

    Raises:
        UnknownVersionError: in none of its places.
    """
    rented = _BY_NAME[name]
    for place in rented.places:
        found = _looked_up(place)
        if found is not None:
            return found
    raise UnknownVersionError(_sentence(rented))


def value_of(name: str) -> Any:
    """What a name of the table stands for now.

    Raises:
        UnknownVersionError: it is in none of its places.
    """
    return place_of(name).value


def is_found(name: str) -> bool:
    """Whether the installed libraries have a name of the table."""
    try:
        place_of(name)
    except UnknownVersionError:
        return False
    return True


def missing(feature: Feature) -> tuple[Rented, ...]:
    """The names that a feature needs and the installed libraries do not have."""
    return tuple(rented for rented in RENTED if rented.feature is feature and not is_found(rented.name))


def require_known_versions() -> None:
    """Ask for every name without which no model can be run.

    Raises:
        UnknownVersionError: one of them is in none of its places.
    """
    for rented in RENTED:
        if rented.feature is Feature.CHECK:
            place_of(rented.name)


def _looked_up(place: str) -> Place | None:
    module, _, path = place.partition(":")
    *owners, attribute = path.split(".")
    try:
        owner: Any = importlib.import_module(module)
        for name in owners:
            owner = getattr(owner, name)
        return Place(owner, attribute) if hasattr(owner, attribute) else None
    except (ImportError, AttributeError):
        return None


def _sentence(rented: Rented) -> str:
    from gradlint import __version__

    library, version = installed_version(rented.places[0].partition(".")[0].partition(":")[0])
    release = ".".join(version.split(".")[:2])
    package = library.lower()
    return (
        f"gradlint {__version__} does not know {library} {version} ({rented.places[0].replace(':', '.')}, by which it "
        f"{rented.purpose}, is not there): use {package}<{release}, or a newer gradlint"
    )


def installed_version(package: str) -> tuple[str, str]:
    """How a library is written, and its version."""
    library = {"tensorflow": "TensorFlow", "keras": "Keras"}[package]
    return library, str(importlib.import_module(package).__version__)
