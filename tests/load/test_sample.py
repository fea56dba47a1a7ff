from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlint.errors import SampleError
from gradlint.load.sample import array_specs, load_sample, synthesise
from gradlint.load.spec import ArraySpec, InputSpec, LayerSpec, ModelSpec

if TYPE_CHECKING:
    from pathlib import Path


def test_file_and_dict_give_the_same(tmp_path):
    arrays = {"a": np.ones((2, 3), "float32"), "u/v": np.array(["x", "yy"])}
    np.savez(tmp_path / "s.npz", **arrays)
    from_file, from_dict = (
        load_sample(tmp_path / "s.npz"),
        load_sample({"a": arrays["a"], "u": {"v": arrays["u/v"]}}),
    )
    assert list(from_file) == list(from_dict) == ["a", "u/v"]
    assert all(np.array_equal(from_file[key], from_dict[key]) for key in arrays)


class Tensor:
    def numpy(self):
        return np.ones((2,), "float16")


class RaggedTensor:
    shape = (3, None)

    class dtype:
        name = "int32"


@pytest.mark.parametrize(
    ("value", "spec"),
    [
        ([[1, 2]], ((1, 2), "int64")),
        ([0.5], ((1,), "float64", False)),
        (np.array([1.0, np.inf], "float32"), ((2,), "float32", True)),
        (np.array([np.nan], "float32"), ((1,), "float32", False)),
        (3, ((), "int64")),
        (np.array(["a", "bc"], object), ((2,), "string")),
        (np.array([b"a"], object), ((1,), "string")),
        (Tensor(), ((2,), "float16", True)),
        (RaggedTensor(), ((3, None), "int32")),
    ],
)
def test_what_python_may_give(value, spec):
    assert array_specs(load_sample({"k": value})) == (ArraySpec("k", *spec),)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.array([1, None], object), r"'k' holds Python objects \(NoneType, int\)"),
        (object(), "'k' holds Python objects"),
        ([[1], [2, 3]], "'k' is no array: its rows differ in length"),
        (np.zeros((0, 3)), "'k' has shape"),
        (np.array(["2020-01-01"], "datetime64[D]"), "'k' has dtype datetime64"),
        (np.zeros(1, [("a", "f4")]), "'k' has dtype"),
    ],
)
def test_what_is_no_array(value, words):
    with pytest.raises(SampleError, match=words):
        load_sample({"k": value})


def test_empty_and_pickled(tmp_path):
    with pytest.raises(SampleError, match="holds no arrays"):
        load_sample({})
    np.savez(tmp_path / "s.npz", a=np.array([1, None], object))
    with pytest.raises(SampleError, match="pickled Python objects"):
        load_sample(tmp_path / "s.npz")


# --- made-up samples --------------------------------------------------------------------------------


def layer(path, class_name="Dense", inbound=(), **config):
    return LayerSpec(path, path.rpartition("/")[2], class_name, "keras.layers", None, inbound, config)


def model(*inputs, layers=()):
    return ModelSpec("m", "Functional", inputs=tuple(InputSpec(*entry) for entry in inputs), layers=layers)


def test_shapes_and_dtypes():
    spec = model(
        ("f", "f", (None, 3), "float32"),
        ("h", "h", (None, None), "float16"),
        ("i", "i", (10, 2), "int64"),
        ("b", "b", (None, None), "bool"),
        ("s", "s", (None, 1), "string"),
        ("r", "r", (None,), "bfloat16"),
    )
    assert array_specs(synthesise(spec, 0, batch=5)) == (
        ArraySpec("f", (5, 3), "float32", False),
        ArraySpec("h", (5, 8), "float16", False),
        ArraySpec("i", (10, 2), "int64"),
        ArraySpec("b", (5, 8), "bool"),
        ArraySpec("s", (5, 1), "string"),
        ArraySpec("r", (5,), "float32", False),
    )


def test_depends_on_the_seed_and_the_key_alone():
    one, two = ("a", "a", (None, 3), "float32"), ("b", "b", (None, 3), "float32")
    alone, pair = synthesise(model(one), 1), synthesise(model(two, one), 1)
    assert np.array_equal(alone["a"], pair["a"])
    assert not np.array_equal(pair["a"], pair["b"])
    assert not np.array_equal(alone["a"], synthesise(model(one), 2)["a"])


IDS = ("ids", "ids", (None, 50), "int32")
FLOAT_IDS = ("ids", "ids", (None, 50), "float32")


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 9))
def test_ids_fit_every_embedding_downstream(first, second, seed):
    layers = (
        layer("ids", "InputLayer"),
        layer("tower", "Functional", ("ids",)),
        layer("tower/e", "Embedding", ("tower/i",), input_dim=first),
        layer("e", "Embedding", ("tower",), input_dim=second),
        layer("other", "Embedding", ("elsewhere",), input_dim=1),
    )
    ids = synthesise(model(IDS, layers=layers), seed)["ids"]
    assert ids.min() >= 0
    assert ids.max() < min(first, second)
    assert min(first, second) == 1 or ids.max() > 0


@pytest.mark.parametrize(
    ("layers", "are_ids"),
    [
        ((layer("ids"), layer("e", "Embedding", ("ids",), input_dim=9)), True),
        ((layer("f", "Flatten", ("ids",)), layer("e", "Embedding", ("f",), input_dim=9)), True),
        ((layer("d", "Dense", ("ids",)), layer("e", "Embedding", ("d",), input_dim=9)), False),
        ((layer("d", "Dense", ("ids",)), layer("e", "Embedding", ("other",), input_dim=9)), False),
    ],
)
def test_a_float_input_is_an_id_only_right_before_an_embedding(layers, are_ids):
    values = synthesise(model(FLOAT_IDS, layers=layers), 0)["ids"]
    assert values.dtype == np.float32
    assert bool(np.all((values == np.floor(values)) & (values >= 0))) is are_ids


def test_a_model_that_does_not_say():
    with pytest.raises(SampleError, match="pass SAMPLE"):
        synthesise(ModelSpec("m", "Mine"), 0)


def test_a_shape_that_no_array_can_have_is_named():
    deep = ("deep", "deep", (None, *[1] * 100), "float32")
    with pytest.raises(SampleError, match="for the input 'deep' of shape"):
        synthesise(model(deep), 0)


def test_members_whose_names_differ_by_the_suffix_keep_their_values(tmp_path):
    """NumPy, asked for `x.npy`, gives the member `x.npy` and not `x.npy.npy`."""
    import zipfile

    file = tmp_path / "s.npz"
    with zipfile.ZipFile(file, "w") as archive:
        for member, value in (("x.npy", 1.0), ("x.npy.npy", 2.0)):
            with archive.open(member, "w") as stream:
                np.save(stream, np.full((2, 3), value, "float32"))
    loaded = load_sample(file)
    assert {key: float(array[0, 0]) for key, array in loaded.items()} == {"x": 1.0, "x.npy": 2.0}


@pytest.mark.parametrize(("given", "taken"), [(np.longdouble, "float64"), (np.clongdouble, "complex128")])
def test_more_digits_than_tensorflow_has(given: type, taken: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", x=np.ones((2, 3), given))
    for sample in (tmp_path / "s.npz", {"x": np.ones((2, 3), given)}):
        assert load_sample(sample)["x"].dtype == taken
