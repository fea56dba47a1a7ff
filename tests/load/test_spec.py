from __future__ import annotations

import copy
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlint.errors import UsageError
from gradlint.load.binding import LABEL_NAMES, bind
from gradlint.load.outline import spec_from_config
from gradlint.load.spec import ArraySpec, InputSpec, ModelSpec


def layer(name, class_name, *inbound, module="keras.layers", registered_name=None, **config):
    tensors = [{"class_name": "__keras_tensor__", "config": {"keras_history": [n, 0, 0]}} for n in inbound]
    return {
        "module": module,
        "class_name": class_name,
        "config": {"name": name, "trainable": True, **config},
        "registered_name": registered_name,
        "name": name,
        "inbound_nodes": [{"args": tensors, "kwargs": {}}] if inbound else [],
    }


def source(name, *shape, dtype="float32", **config):
    return layer(name, "InputLayer", batch_shape=[None, *shape], dtype=dtype, **config)


def functional(layers, inputs, outputs, name="m", **root):
    config = {"name": name, "layers": layers, "input_layers": inputs, "output_layers": outputs}
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": config,
        "registered_name": "Functional",
        **root,
    }


A, B = source("a", 1), source("b", 2, dtype="int32", optional=True)
CAT = layer("cat", "Concatenate", "a", "b")
STRUCTURES = {
    "single": (["a", 0, 0], "a", ["a"]),
    "list of one": ([["a", 0, 0]], ["a"], ["a"]),
    "list": ([["a", 0, 0], ["b", 0, 0]], ["a", "b"], ["a", "b"]),
    "dict": ({"k": ["a", 0, 0], "b": ["b", 0, 0]}, {"k": "k", "b": "b"}, ["k", "b"]),
    "nested": (
        {"user": {"age": ["a", 0, 0]}, "ctx": [["b", 0, 0]]},
        {"user": {"age": "user/age"}, "ctx": ["ctx/0"]},
        ["user/age", "ctx/0"],
    ),
}


@pytest.mark.parametrize(("inputs", "structure", "keys"), STRUCTURES.values(), ids=STRUCTURES)
def test_inputs_of_every_structure(inputs, structure, keys):
    spec = spec_from_config(functional([A, B, CAT], inputs, ["cat", 0, 0]))
    assert spec.structure == structure
    assert [entry.key for entry in spec.inputs] == keys


def test_input_fields():
    spec = spec_from_config(functional([A, B, layer("d", "Dense", "a")], [["a", 0, 0], ["b", 0, 0]], ["d", 0, 0]))
    assert spec.inputs == (
        InputSpec("a", "a", (None, 1), "float32"),
        InputSpec("b", "b", (None, 2), "int32", optional=True, used=False),
    )


def test_an_input_that_is_an_output_is_used():
    spec = spec_from_config(functional([A], {"a": ["a", 0, 0]}, ["a", 0, 0]))
    assert spec.inputs[0].used


@pytest.mark.parametrize(
    ("outputs", "keys", "layers"),
    [
        (["cat", 0, 0], ("cat",), ("cat",)),
        ([["cat", 0, 0], ["a", 0, 0]], ("cat", "a"), ("cat", "a")),
        ({"out": {"p": ["cat", 0, 0]}, "q": ["a", 0, 0]}, ("out/p", "q"), ("cat", "a")),
    ],
)
def test_outputs(outputs, keys, layers):
    spec = spec_from_config(functional([A, B, CAT], [["a", 0, 0], ["b", 0, 0]], outputs))
    assert (spec.outputs, spec.output_layers) == (keys, layers)


def test_nested_models_shared_layers_and_wrapped_layers():
    inner = functional([source("i", 1), layer("d", "Dense", "i")], ["i", 0, 0], ["d", 0, 0], name="tower")
    tower = {**inner, "name": "tower", "inbound_nodes": layer("t", "Dense", "a", "b")["inbound_nodes"]}
    wrapped = layer("both", "Bidirectional", "tower", layer=layer("lstm", "LSTM"))
    spec = spec_from_config(functional([A, B, tower, wrapped], [["a", 0, 0], ["b", 0, 0]], ["both", 0, 0]))
    assert {entry.path: entry.inbound for entry in spec.layers} == {
        "a": (),
        "b": (),
        "tower": ("a", "b"),
        "tower/i": (),
        "tower/d": ("tower/i",),
        "both": ("tower",),
        "both/lstm": (),
    }


def test_tensors_in_keyword_arguments_count():
    node = {
        "args": [],
        "kwargs": {"mask": {"class_name": "__keras_tensor__", "config": {"keras_history": ["a", 0, 0]}}},
    }
    attention = {**layer("att", "Attention"), "inbound_nodes": [node]}
    spec = spec_from_config(functional([A, attention], {"a": ["a", 0, 0]}, ["att", 0, 0]))
    assert spec.layers[1].inbound == ("a",)


def test_keras_2_functional():
    config = {
        "class_name": "Functional",
        "config": {
            "name": "old",
            "layers": [
                {"class_name": "InputLayer", "name": "x", "inbound_nodes": [],
                 "config": {"batch_input_shape": [None, 3], "dtype": "int32", "name": "x"}},
                {"class_name": "Dense", "config": {"name": "d"}, "name": "d",
                 "inbound_nodes": [[["x", 0, 0, {"mask": ["x", 0, 0]}]]]},
            ],
            "input_layers": [["x", 0, 0]],
            "output_layers": [["d", 0, 0]],
        },
    }  # fmt: skip
    spec = spec_from_config(config)
    assert spec.inputs == (InputSpec("x", "x", (None, 3), "int32"),)
    assert spec.layers[1].inbound == ("x",)
    assert not spec.is_builtin_only


def test_sequential():
    layers = [source("x", 4), layer("d", "Dense"), layer("e", "Dense")]
    for entry in layers:
        del entry["inbound_nodes"]
    config = {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": layers}}
    spec = spec_from_config(config)
    assert spec.inputs == (InputSpec("x", "x", (None, 4), "float32"),)
    assert [entry.inbound for entry in spec.layers] == [(), ("x",), ("d",)]
    assert spec.outputs == ("e",)
    assert spec.is_builtin_only


@pytest.mark.parametrize(
    ("build", "structure", "shapes"),
    [
        ({"input_shape": [16, 12]}, "x", [(None, 12)]),
        ({"input_shape": {"a": [2, 3], "b": [[2, 4]]}}, {"a": "a", "b": ["b/0"]}, [(None, 3), (None, 4)]),
        ({"shapes_dict": {"a_shape": [2, 3]}}, None, None),
        ({"input_shape": None}, None, None),
        (None, None, None),
    ],
)
def test_subclassed_models_are_guessed_from_what_they_were_built_with(build, structure, shapes):
    spec = spec_from_config({"module": "mine", "class_name": "M", "config": {}, "build_config": build})
    assert spec.structure == structure
    assert (spec.inputs and [entry.shape for entry in spec.inputs]) == shapes
    assert not any(entry.declared for entry in spec.inputs or ())


CUSTOM = {"module": "mine", "class_name": "L", "config": {"name": "l"}, "registered_name": "mine>L"}


@pytest.mark.parametrize(
    ("loss", "builtin"),
    [
        ("mse", True),
        ({"a": "mse", "b": None}, True),
        (
            [
                {
                    "module": "keras.losses",
                    "class_name": "MeanSquaredError",
                    "config": {},
                    "registered_name": None,
                }
            ],
            True,
        ),
        (None, False),
        ("mine>loss", False),
        (CUSTOM, False),
        ({"a": "mse", "b": CUSTOM}, False),
        (
            {
                "module": "builtins",
                "class_name": "function",
                "config": "mine>loss",
                "registered_name": "function",
            },
            False,
        ),
    ],
)
def test_whose_loss(loss, builtin):
    spec = spec_from_config(functional([A], ["a", 0, 0], ["a", 0, 0], compile_config={"loss": loss}))
    assert spec.loss == loss
    assert spec.has_builtin_loss is builtin


@pytest.mark.parametrize(
    ("entry", "builtin"),
    [
        (layer("d", "Dense", "a", activation="relu"), True),
        (layer("d", "Add", "a", module="keras.src.ops.numpy", registered_name="Add"), True),
        (layer("d", "Lambda", "a"), False),
        (layer("d", "Mine", "a", module="mine", registered_name="mine>Mine"), False),
        (layer("d", "Mine", "a", module=None), False),
        (layer("d", "Dense", "a", kernel_regularizer=CUSTOM), False),
        (layer("d", "TimeDistributed", "a", layer=layer("m", "Mine", module="mine")), False),
    ],
)
def test_builtin_only(entry, builtin):
    assert spec_from_config(functional([A, entry], ["a", 0, 0], ["d", 0, 0])).is_builtin_only is builtin


# Any JSON value in any place of a valid configuration.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.sampled_from(["a", "cat", "layers"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "config", "a"]), inner),
    max_leaves=5,
)


def places(part, path=()):
    yield path
    for key, value in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
        yield from places(value, (*path, key))


WHOLE = functional([A, B, CAT], {"a": ["a", 0, 0], "c": [["b", 0, 0]]}, ["cat", 0, 0], compile_config={"loss": "mse"})
PLACES = [path for path in places(WHOLE) if path]


@given(st.sampled_from(PLACES), JSON)
def test_odd_configurations_never_fail(path, value):
    config = copy.deepcopy(WHOLE)
    part = config
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    spec = spec_from_config(config)
    bind(spec, [ArraySpec("a", (1, 1), "float32"), ArraySpec("y", (1,), "float32")])
    assert spec.has_builtin_loss in (True, False)


# --- binding ----------------------------------------------------------------------------------------


def model(*inputs, outputs=(), output_layers=None):
    specs = tuple(InputSpec(key, name, (None, 1), "float32") for key, name in inputs)
    return ModelSpec("m", "Functional", inputs=specs, outputs=outputs, output_layers=output_layers or outputs)


def arrays(*keys):
    return [ArraySpec(key, (2, 1), "float32") for key in keys]


TWO = model(("a", "a"), ("b", "b"))


def test_the_dict_key_wins_over_the_keras_name():
    binding = bind(model(("token", "segment"), ("segment", "token")), arrays("segment", "token"))
    assert binding.inputs == (("token", "token"), ("segment", "segment"))


def test_an_exact_key_is_not_stolen_by_another_inputs_name():
    binding = bind(model(("p", "q"), ("q", "r")), arrays("q", "r"))
    assert binding.inputs == (("q", "q"),)
    assert (binding.missing, binding.unexpected) == (("p",), ("r",))


def test_labels_by_output_key_by_layer_and_of_no_output():
    spec = model(("x", "x"), outputs=("logits", "value"), output_layers=("pi", "v"))
    sample = arrays("y:v", "x", "y:logits", "y:advantage", "sample_weight")
    own = bind(replace(spec, class_name="OfTheUser"), sample)  # whose compute_loss may read it
    assert own.labels == (("logits", "y:logits"), ("value", "y:v"), ("advantage", "y:advantage"))
    assert own.sample_weight == "sample_weight"
    assert not own.unexpected
    plain = bind(spec, sample)
    assert plain.labels == (("logits", "y:logits"), ("value", "y:v"))
    assert plain.unexpected == ("y:advantage",)


def test_weights_by_output():
    spec = model(("x", "x"), outputs=("reg", "cls"))
    binding = bind(spec, arrays("x", "y:reg", "y:cls", "sample_weight:reg", "sample_weight:csl"))
    assert binding.weights == (("reg", "sample_weight:reg"),)
    assert binding.unexpected == ("sample_weight:csl",)


@pytest.mark.parametrize(
    ("outputs", "key", "meant"),
    [
        (("reg", "cls"), "y:clss", "y:cls"),
        (("reg", "cls"), "ycls", "y:cls"),
        (("reg", "cls"), "ids", None),
        (("reg", "cls"), "weights", "sample_weight"),
        (("out",), "gt", "y"),
    ],
)
def test_what_a_key_that_nothing_takes_is_probably_meant_to_be(outputs, key, meant):
    binding = bind(model(("x", "x"), outputs=outputs), arrays("x", key))
    assert binding.unexpected == (key,)
    assert dict(binding.meant).get(key) == meant


def test_the_only_input_is_taken_by_what_people_call_it():
    one = model(("input_layer", "input_layer"), outputs=("out",))
    for names in (("X_train", "y_train"), ("Features", "Labels"), ("x", "Y")):
        binding = bind(one, arrays(*names))
        assert (binding.inputs, binding.labels) == ((("input_layer", names[0]),), (("", names[1]),))
    assert bind(one, arrays("x", "ids")).unexpected == ("ids",)
    assert bind(one, arrays("ids", "ages")).missing == ("input_layer",)


def test_labels_go_by_the_names_of_outputs_as_fit_takes_them():
    spec = model(("x", "x"), outputs=("logits", "value"), output_layers=("pi", "v"))
    assert bind(spec, arrays("x", "value", "pi")).labels == (("logits", "pi"), ("value", "value"))
    assert bind(spec, arrays("x", "y/value", "y/logits")).labels == (("logits", "y/logits"), ("value", "y/value"))
    spare = bind(spec, arrays("x", "value", "y:value"))
    assert (spare.labels, spare.unexpected) == ((("value", "y:value"),), ("value",))
    named = bind(model(("x", "x"), ("value", "value"), outputs=("value",)), arrays("x", "value"))
    assert (named.labels, len(named.inputs)) == ((), 2)


@pytest.mark.parametrize("name", [name for name in LABEL_NAMES if name != "y"])
def test_a_single_label_goes_by_what_people_call_it(name):
    one, two = (model(("x", "x"), outputs=outputs) for outputs in (("out",), ("out", "aux")))
    assert bind(one, arrays("features", name)).labels == (("", name),)
    assert bind(one, arrays("features", name)).inputs == (("x", "features"),)
    assert bind(one, arrays("x", name, "y")).unexpected == (name,)
    assert bind(two, arrays("x", name)).unexpected == (name,)


def test_two_arrays_without_names_are_input_and_label():
    one, other = model(("x", "x"), outputs=("out",)), model(("a", "a"), ("b", "b"), outputs=("out",))
    binding = bind(one, arrays("arr_0", "arr_1", "arr_2"))
    assert (binding.inputs, binding.labels, binding.sample_weight) == ((("x", "arr_0"),), (("", "arr_1"),), "arr_2")
    assert bind(other, arrays("arr_0", "arr_1")).missing == ("a", "b")


def test_a_missing_input_is_looked_for_under_its_usual_names():
    binding = bind(model(("image", "image"), ("id", "id"), outputs=("out",)), arrays("inputs", "id", "age"))
    assert (binding.missing, binding.renamed) == (("image",), (("image", "inputs"),))


def test_an_input_called_like_a_label_is_an_input():
    binding = bind(model(("y", "y"), ("sample_weight", "sample_weight")), arrays("y", "sample_weight"))
    assert len(binding.inputs) == 2
    assert (binding.labels, binding.sample_weight) == ((), None)


def test_target_and_map():
    binding = bind(TWO, arrays("left", "b", "truth", "y:aux"), {"a": "left"}, [("", "truth")])
    assert binding.inputs == (("a", "left"), ("b", "b"))
    assert binding.labels == (("", "truth"), ("aux", "y:aux"))


def test_a_target_replaces_the_label_of_its_output():
    binding = bind(TWO, arrays("a", "b", "y", "truth"), targets=[("", "truth")])
    assert binding.labels == (("", "truth"),)
    assert binding.unexpected == ("y",)


@pytest.mark.parametrize(
    ("mapping", "targets", "words"),
    [
        ({"a": "nothing"}, (), "--map names the sample key 'nothing'"),
        ({"c": "a"}, (), "the model's inputs are 'a', 'b'"),
        ({}, [("", "truth")], "--target names the sample key 'truth'"),
    ],
)
def test_names_that_do_not_exist(mapping, targets, words):
    with pytest.raises(UsageError, match=words):
        bind(TWO, arrays("a", "b"), mapping, targets)


def test_unknown_inputs_take_every_key_that_is_no_label():
    binding = bind(ModelSpec("m", "Mine"), arrays("p", "q", "y"))
    assert binding.inputs == (("p", "p"), ("q", "q"))
    assert not binding.missing
    assert not binding.unexpected


NAMES = st.sampled_from(["a", "b", "u/a", "u/b", "c", "y", "y:out", "sample_weight", "aa"])
KEYS = st.lists(NAMES, unique=True, max_size=9)


@given(st.lists(NAMES, unique=True, max_size=4), KEYS, st.randoms(use_true_random=False))
def test_every_key_is_in_one_place_and_order_changes_nothing(inputs, keys, random):
    spec = model(*((key, key) for key in inputs), outputs=("out",))
    binding = bind(spec, arrays(*keys))
    weight = [binding.sample_weight] if binding.sample_weight else []
    places = [key for _, key in binding.inputs + binding.labels] + weight + list(binding.unexpected)
    assert sorted(places) == sorted(keys)
    assert sorted([*(key for key, _ in binding.inputs), *binding.missing]) == sorted(inputs)
    random.shuffle(keys)
    shuffled = bind(spec, arrays(*keys))
    assert (shuffled.inputs, shuffled.labels, shuffled.missing) == (
        binding.inputs,
        binding.labels,
        binding.missing,
    )
    assert sorted(shuffled.unexpected) == sorted(binding.unexpected)
    assert shuffled.renamed == binding.renamed
