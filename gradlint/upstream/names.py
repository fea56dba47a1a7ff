"""The table of rented names: what gradlint uses of TensorFlow and Keras that they do not promise to keep.

Each name is looked for when it is first used, in every place where a supported release has it. One that is in none
of them is a sentence about versions, and what alone needs it is the only thing that is lost.
"""

from __future__ import annotations

import functools
import importlib
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from gradlint.errors import UnknownVersionError
from gradlint.version import __version__ as gradlint_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Feature(str, Enum):
    """What is lost where a rented name is not to be found."""

    CHECK = "every check that runs the model"
    STRUCTURE = "--depth structure"
    DETOURS = "values that leave TensorFlow for Python"
    READS = "values read from variables"
    STEPS = "training steps"
    SAVED = "the inside of functions from a SavedModel"

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
    Rented("tensor id", (f"{_FRAMEWORK}.ops:EagerTensor._id",), "tells tensors apart", _TF),
    Rented("tensor memory", (f"{_FRAMEWORK}.ops:_EagerTensorBase._numpy",), "reads values without being seen", _TF),
    Rented("shape of a tensor", (f"{_FRAMEWORK}.ops:_EagerTensorBase._shape_tuple",), "reads shapes fast", _TF),
    Rented("elements of a tensor", (f"{_FRAMEWORK}.ops:_EagerTensorBase._num_elements",), "counts bytes fast", _TF),
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
           Feature.READS),
    Rented("run an operation in C", ("tensorflow.python.pywrap_tfe:TFE_Py_FastPathExecute",), "sees variables change",
           _TF),
    Rented("definition of an operation", (f"{_FRAMEWORK}.op_def_registry:get",), "sees variables change", _TF),
    Rented("data of a handle", (f"{_FRAMEWORK}.ops:EagerTensor._handle_data",), "sees variables change", _TF),
    Rented("StrategyBase", ("tensorflow.python.distribute.distribute_lib:StrategyBase",), "sees strategy.run", _TF,
           Feature.STEPS),
    Rented("select_replica", ("tensorflow.python.distribute.distribute_utils:select_replica",),
           "runs a step in one replica", _TF, Feature.STEPS),
    Rented("variable_accessed", (f"{_OPS}.resource_variable_ops:variable_accessed",), "sees variables being read", _TF,
           Feature.READS),
    Rented("py_func_common", (f"{_OPS}.script_ops:py_func_common",), "sees tf.numpy_function", _TF,
           Feature.DETOURS),
    Rented("py_function tapes", (f"{_OPS}.script_ops:tape_cache",), "differentiates tf.py_function twice", _TF,
           Feature.DETOURS),
    Rented("py_function backprop", (f"{_OPS}.script_ops:backprop",), "differentiates tf.py_function twice", _TF,
           Feature.DETOURS),
    Rented("extract_stack", ("tensorflow.python.util.tf_stack:extract_stack",), "maps lines of AutoGraph back", _TF,
           Feature.STRUCTURE),
    # -- the tape
    Rented("imperative_grad", (f"{_EAGER}.imperative_grad:imperative_grad",), "sees inner gradients", _TF),
    Rented("gradient function", (f"{_EAGER}.backprop:_gradient_function",), "asks one operation for its gradient", _TF),
    Rented("register gradient function", ("tensorflow.python.pywrap_tfe:TFE_Py_RegisterGradientFunction",),
           "goes on where a gradient function fails", _TF),
    Rented("execute", ("tensorflow.python.pywrap_tfe:TFE_Py_Execute",), "runs one operation again", _TF),
    Rented("open a tape", ("tensorflow:GradientTape._push_tape",), "sees the tapes of a step", _TF, Feature.STEPS),
    Rented("close a tape", ("tensorflow:GradientTape._pop_tape",), "sees the tapes of a step", _TF, Feature.STEPS),
    Rented("whether persistent", ("tensorflow:<tape>._persistent",), "tells how a tape was opened", _TF, Feature.STEPS),
    Rented("whether all is watched", ("tensorflow:<tape>._watch_accessed_variables",), "tells how a tape was opened",
           _TF, Feature.STEPS),
    Rented("whether recording", ("tensorflow:<tape>._recording",), "tells when a tape was asked", _TF, Feature.STEPS),
    Rented("inner tape", ("tensorflow:<tape>._tape",), "tells when a tape was asked", _TF, Feature.STEPS),
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
    Rented("call of a graph", (f"{_EAGER}.polymorphic_function.concrete_function:ConcreteFunction._call_flat",),
           "opens functions of a SavedModel", _TF, Feature.SAVED),
    Rented("run an operation", (f"{_EAGER}.execute:execute",), "runs the graphs of a SavedModel", _TF, Feature.SAVED),
    Rented("record an operation", (f"{_EAGER}.execute:record_gradient",), "runs the graphs of a SavedModel", _TF,
           Feature.SAVED),
    Rented("function of a graph", (f"{_FRAMEWORK}.func_graph:FuncGraph._get_function",),
           "opens functions of a SavedModel", _TF, Feature.SAVED),
    Rented("ConversionOptions", ("tensorflow.python.autograph.core.converter:ConversionOptions",), "opens tf.functions",
           _TF, Feature.STRUCTURE),
    Rented("converted_call", ("tensorflow.python.autograph.impl.api:converted_call",), "opens tf.functions", _TF,
           Feature.STRUCTURE),
    # -- Keras's models
    Rented("current_path", ("keras.src.backend.common.name_scope:current_path",), "names the layer at work", _KERAS),
    Rented("layers inside", ("keras:Layer._flatten_layers",), "walks nested layers", _KERAS),
    Rented("loss of a model", ("keras:Model._compute_loss", "keras:Model.compute_loss"), "asks for the loss", _KERAS),
    Rented("own variables", ("keras:<layer>._trainable_variables",), "names the owner of a variable", _KERAS),
    Rented("own losses", ("keras:<layer>._losses",), "names who adds losses", _KERAS),
    Rented("rate as given", ("keras:<optimizer>._learning_rate",), "tells schedules from rates", _KERAS),
    Rented("variables of an optimizer", ("keras:<optimizer>._trainable_variables",), "sees what a step updates",
           _KERAS, Feature.STEPS),
    Rented("own frozen variables", ("keras:<layer>._non_trainable_variables",), "names the owner of a variable",
           _KERAS),
    Rented("graph of a Sequential", ("keras:<sequential>._functional",), "reads how layers are connected", _KERAS),
    Rented("inputs of a graph", ("keras:<functional>._inputs_struct",), "reads how layers are connected", _KERAS),
    Rented("outputs of a graph", ("keras:<functional>._outputs_struct",), "reads how layers are connected", _KERAS),
    Rented("nodes of a layer", ("keras:<layer>._inbound_nodes",), "reads how layers are connected", _KERAS),
    Rented("origin of a symbol", ("keras:<symbol>._keras_history",), "reads how layers are connected", _KERAS),
    Rented("mask of a tensor", ("keras:<masked tensor>._keras_mask",), "takes masks off a loss", _KERAS, Feature.STEPS),
    Rented("compiled loss", ("keras:<functional>._compile_loss",), "names the loss", _KERAS),
    Rented("arguments of compile", ("keras:<functional>._compile_config",), "tells who compiled a model", _KERAS),
    Rented("loss as given", ("keras:<compiled loss>._user_loss",), "names the loss", _KERAS),
    Rented("loss weights as given", ("keras:<compiled loss>._user_loss_weights",), "names the loss", _KERAS),
    Rented("arguments of a loss", ("keras:<loss>._fn_kwargs",), "tells logits from probabilities", _KERAS),
    Rented("seed of TensorFlow", (f"{_EAGER}.context:<context>._seed",), "keeps TensorFlow's seed", _TF),
    Rented("handle of TensorFlow", (f"{_EAGER}.context:<context>._handle",), "runs one operation again", _TF),
    Rented("function inside", ("tensorflow:<tf.function>._python_function",), "opens tf.functions", _TF,
           Feature.STRUCTURE),
    Rented("whether AutoGraph", ("tensorflow:<tf.function>._autograph",), "opens tf.functions", _TF,
           Feature.STRUCTURE),
)  # fmt: skip

_BY_NAME = {rented.name: rented for rented in RENTED}


def found_at(rented: Rented) -> str | None:
    """The first of a name's places that the installed libraries have."""
    return next((place for place in rented.places if _looked_up(place) is not None), None)


@functools.cache
def place_of(name: str) -> Place:
    """Where a name of the table is in the libraries that are installed.

    Raises:
        UnknownVersionError: in none of its places.
    """
    rented = _BY_NAME[name]
    found = next(filter(None, map(_looked_up, rented.places)), None)
    if found is None:
        raise UnknownVersionError(_sentence(rented))
    return found


def value_of(name: str) -> Any:
    """What a name of the table stands for now.

    Raises:
        UnknownVersionError: it is in none of its places.
    """
    return place_of(name).value


def member(owner: Any, name: str, *default: Any) -> Any:
    """What an object keeps under a name of the table.

    Args:
        owner: such an object as the table names in angle brackets.
        name: of the table.
        default: where the object may well be without.

    Raises:
        UnknownVersionError: the object has none of the attributes, and there is no default.
    """
    for attribute in _attributes(name):
        try:
            return getattr(owner, attribute)
        except AttributeError:
            continue
    if default:
        return default[0]
    raise UnknownVersionError(_sentence(_BY_NAME[name]))


@functools.cache
def _attributes(name: str) -> tuple[str, ...]:
    return tuple(place.rpartition(".")[2] for place in _BY_NAME[name].places)


def is_found(name: str) -> bool:
    """Whether the installed libraries have a name of the table."""
    try:
        place_of(name)
    except UnknownVersionError:
        return False
    return True


@functools.cache
def missing(feature: Feature) -> tuple[Rented, ...]:
    """The names that a feature needs and the installed libraries do not have; members of objects are met in use."""
    needed = [rented for rented in RENTED if rented.feature is feature and "<" not in rented.places[0]]
    return tuple(rented for rented in needed if not is_found(rented.name))


def require_known_versions() -> None:
    """Ask for every name without which no model can be run.

    Raises:
        UnknownVersionError: one of them is in none of its places.
    """
    for rented in RENTED:
        # Making an object to look at would move Keras's counters.
        if rented.feature is Feature.CHECK and "<" not in rented.places[0]:
            place_of(rented.name)


def _looked_up(place: str) -> Place | None:
    module, _, path = place.partition(":")
    example, _, path = path.rpartition(">.")
    *owners, attribute = path.split(".")
    try:
        owner: Any = importlib.import_module(module) if not example else _example(example.removeprefix("<"))
        for name in owners:
            owner = getattr(owner, name)
        return Place(owner, attribute) if hasattr(owner, attribute) else None
    except (ImportError, AttributeError):
        return None


def _example(kind: str) -> Any:
    """An object that shows which members its kind has."""
    import keras
    import tensorflow as tf

    if kind in ("functional", "compiled loss"):
        symbol = keras.Input((1,))
        model = keras.Model(symbol, keras.layers.Dense(1)(symbol))
        model.compile(loss="mse")
        return model if kind == "functional" else member(model, "compiled loss")
    made: dict[str, Callable[[], Any]] = {
        "layer": keras.Layer,
        "sequential": keras.Sequential,
        "symbol": lambda: keras.Input((1,)),
        "masked tensor": lambda: keras.layers.Masking()(tf.zeros((1, 1, 1))),
        "loss": keras.losses.MeanSquaredError,
        "optimizer": keras.optimizers.SGD,
        "tape": tf.GradientTape,
        "context": value_of("eager context"),
        "tf.function": lambda: tf.function(lambda: None),
    }
    return made[kind]()


def unavailable(features: Iterable[Feature]) -> str:
    """Why a rule that needs these features cannot run; empty where it can."""
    lost = [rented for feature in Feature if feature in features for rented in missing(feature)]
    return _sentence(lost[0]) if lost else ""


def _sentence(rented: Rented) -> str:
    library, version = installed_version(rented.places[0].partition(".")[0].partition(":")[0])
    release = ".".join(version.split(".")[:2])
    package, place = library.lower(), rented.places[0].replace(":", ".")
    return (
        f"gradlint {gradlint_version} does not know {library} {version} ({place}, by which it {rented.purpose}, "
        f"is not there): use {package}<{release}, or a newer gradlint"
    )


def installed_version(package: str) -> tuple[str, str]:
    """How a library is written, and its version."""
    library = {"tensorflow": "TensorFlow", "keras": "Keras"}[package]
    return library, str(importlib.import_module(package).__version__)
