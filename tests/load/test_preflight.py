from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlint.errors import GradlintError, ModelFileError, SampleError, UnsafeModelError
from gradlint.load.arrays import read_array_specs
from gradlint.load.content import Kind
from gradlint.load.demands import least_weights
from gradlint.load.limits import Limits
from gradlint.load.preflight import read_spec
from gradlint.load.spec import ArraySpec
from gradlint.load.trust import refuse_unsafe

INPUT = {
    "module": "keras.layers",
    "class_name": "InputLayer",
    "config": {"name": "x", "batch_shape": [None, 4], "dtype": "float32"},
    "registered_name": None,
    "name": "x",
    "inbound_nodes": [],
}


def _empty_hdf5():
    stream = io.BytesIO()
    h5py.File(stream, "w").close()
    return stream.getvalue()


EMPTY_HDF5 = _empty_hdf5()


def config(class_name="Dense", module="keras.layers", registered_name=None, **arguments):
    history = {"class_name": "__keras_tensor__", "config": {"keras_history": ["x", 0, 0]}}
    last = {
        "module": module,
        "class_name": class_name,
        "config": {"name": "d", "trainable": True, **arguments},
        "registered_name": registered_name,
        "name": "d",
        "inbound_nodes": [{"args": [history], "kwargs": {}}],
    }
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {
            "name": "m",
            "layers": [INPUT, last],
            "input_layers": {"x": ["x", 0, 0]},
            "output_layers": ["d", 0, 0],
        },
        "registered_name": "Functional",
    }


def keras_file(path, text=None, *, names=("metadata.json", "config.json", "model.weights.h5"), extra=()):
    content = {"metadata.json": '{"keras_version": "3.15.1"}', "config.json": text or json.dumps(config())}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content.get(name, EMPTY_HDF5))
        for name in extra:
            archive.writestr(name, "x")
    return path


def test_reads_a_keras_file(tmp_path):
    spec, contents = read_spec(keras_file(tmp_path / "m.keras"))
    assert [entry.key for entry in spec.inputs] == ["x"]
    assert spec.keras_version == "3.15.1"
    assert contents == ()


def test_reads_a_legacy_file(tmp_path):
    old = {"class_name": "Sequential", "config": {"name": "s", "layers": [
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 3], "name": "x"}},
        {"class_name": "Dense", "config": {"name": "d", "units": 1, "activation": "relu"}}]}}  # fmt: skip
    with h5py.File(tmp_path / "m.h5", "w") as store:
        store.attrs["model_config"] = json.dumps(old)
        store.attrs["training_config"] = json.dumps({"loss": "mse"})
        store.attrs["keras_version"] = "2.12.0"
    spec, contents = read_spec(tmp_path / "m.h5")
    assert (spec.inputs[0].shape, spec.loss, spec.keras_version, contents) == ((None, 3), "mse", "2.12.0", ())


def test_imports_neither_tensorflow_nor_keras(tmp_path):
    model, sample = keras_file(tmp_path / "m.keras"), tmp_path / "s.npz"
    np.savez(sample, x=np.ones((2, 4)))
    code = (
        "import sys\nfrom gradlint.load.preflight import *\nfrom gradlint.load.sample import *\n"
        f"read_spec({str(model)!r}); load_sample({str(sample)!r})\n"
        "sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- what is not Keras's own ------------------------------------------------------------------------

LAMBDA = {"class_name": "__lambda__", "config": {"code": "4wEA", "defaults": None, "closure": None}}


def function(name, module="builtins"):
    return {"class_name": "function", "module": module, "config": name, "registered_name": "function"}


OWN = {
    "class of an application": config("LayerScale", "keras.src.applications.convnext", "LayerScale"),
    "feature space": config("FeatureSpace", "keras.utils"),
    "metric in use": {
        **config(),
        "compile_config": {"metrics": [{"module": "keras.metrics", "class_name": "AUC", "config": {}}]},
    },
    "vocabulary of a user's class": config("Chars", "mine", "mine>Chars", vocabulary="abc/"),
    "layer": config("LSTM", units=4),
    "operation": config("Add", "keras.src.ops.numpy", "Add"),
    "dtype policy": config(dtype={"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}}),
    "function": config(activation=function("relu")),
    "function of ops": config(activation=function("sin", "keras.ops")),
    "initializer": config(init={"module": "keras.initializers", "class_name": "Zeros", "config": {}}),
    "constant": config(value={"class_name": "__numpy__", "config": {"value": [1.0], "dtype": "float32"}}),
    "vocabulary list": config("StringLookup", vocabulary=["a", "b"]),
    "schedule": config(lr={"module": "keras.optimizers.schedules", "class_name": "CosineDecay", "config": {}}),
}
OTHERS = {
    "registered name over a class of Keras": (
        config("Dense", registered_name="mine>Dense"),
        Kind.UNKNOWN,
        "(registered as 'mine>Dense'); pass --import your_module.py",
    ),
    "application": (
        config(f={"class_name": "VGG16", "module": "keras.applications", "config": {}}),
        Kind.UNKNOWN,
        "'VGG16'",
    ),
    "deserializer": (config(activation=function("get", "keras.activations")), Kind.UNKNOWN, "'get'"),
    "legacy function": (
        {"class_name": "Sequential", "config": [{"class_name": "get_file", "config": {}}]},
        Kind.UNKNOWN,
        "'get_file'",
    ),
    "address": (config("Hub", "mine", "mine>Hub", url="https://example.org/model"), Kind.FILE, "to read as its url"),
    "path of a user's class": (
        config("Chars", "mine", "mine>Chars", vocabulary="/etc/passwd"),
        Kind.FILE,
        "'/etc/passwd'",
    ),
    "path of a tokenizer": (config("T5Tokenizer", "keras_hub.src.t5", proto="a.spm"), Kind.FILE, "'a.spm'"),
    "lambda": (config("Lambda", function=LAMBDA), Kind.CODE, "marshalled Python code"),
    "lambda as output shape": (config("Lambda", output_shape=LAMBDA), Kind.CODE, "marshalled Python code"),
    "legacy lambda": (config("Lambda", function=["4wEA", None, None]), Kind.CODE, "a Lambda layer"),
    "saved model": (config("TFSMLayer", filepath="/tmp/x"), Kind.CODE, "TFSMLayer"),
    "torch module": (config("TorchModuleWrapper", module="gASV"), Kind.CODE, "TorchModuleWrapper"),
    "vocabulary path": (config("StringLookup", vocabulary="/etc/passwd"), Kind.FILE, "'/etc/passwd'"),
    "custom class": (config("Foo", "mine", "mine>Foo"), Kind.UNKNOWN, "'Foo' (registered as 'mine>Foo')"),
    "class of a script": (config("Foo", None, "Foo"), Kind.UNKNOWN, "the unknown class 'Foo'"),
    "class of another module": (config("system", "os"), Kind.UNKNOWN, "(of the module 'os')"),
    "custom function": (
        config(activation=function("mine>act")),
        Kind.UNKNOWN,
        "the unknown function 'mine>act'",
    ),
    "download": (config(activation=function("get_file", "keras.utils")), Kind.UNKNOWN, "'get_file'"),
    "loader": (config(activation=function("load_model", "keras.models")), Kind.UNKNOWN, "'load_model'"),
    "class as function": (config("load_model", "keras.saving"), Kind.UNKNOWN, "'load_model'"),
    "private module": (config("os", "keras.src.utils.file_utils"), Kind.UNKNOWN, "'os'"),
    "lookalike module": (config("Dense", "keras_evil.layers"), Kind.UNKNOWN, "'keras_evil.layers'"),
    "module with a path": (config("Dense", "keras.src.../../etc"), Kind.UNKNOWN, "'Dense'"),
    "unknown class of Keras": (config("NotYetInvented"), Kind.UNKNOWN, "'NotYetInvented'"),
    "typespec": (
        config(spec={"class_name": "__typespec__", "spec_name": "Evil", "module": "evil", "config": []}),
        Kind.UNKNOWN,
        "'Evil'",
    ),
    "in a loss": (
        {**config(), "compile_config": {"loss": function("mine>loss")}},
        Kind.UNKNOWN,
        "the model holds the unknown function",
    ),
}


@pytest.mark.parametrize("content", OWN.values(), ids=OWN)
def test_keras_own_content_passes(content, tmp_path):
    _, contents = read_spec(keras_file(tmp_path / "m.keras", json.dumps(content)))
    refuse_unsafe("m.keras", contents, trust=False, has_imports=content is OWN["vocabulary of a user's class"])


@pytest.mark.parametrize(("content", "kind", "words"), OTHERS.values(), ids=OTHERS)
def test_everything_else_is_named_and_refused(content, kind, words, tmp_path):
    _, contents = read_spec(keras_file(tmp_path / "m.keras", json.dumps(content)))
    assert kind in {found.kind for found in contents}
    with pytest.raises(ModelFileError) as caught:
        refuse_unsafe("m.keras", contents, trust=False, has_imports=False)
    assert words in str(caught.value)
    assert isinstance(caught.value, UnsafeModelError) is (kind is not Kind.UNKNOWN)
    refuse_unsafe("m.keras", contents, trust=True, has_imports=True)


@pytest.mark.parametrize(
    ("module", "advice"),
    [
        ("my.layers", "--import my.layers"),
        ("keras_hub.src.models.x", "install keras-hub and pass --import keras_hub"),
        ("os", "do not trust this file"),
        ("tensorflow_hub.keras_layer", "install tensorflow-hub and pass --import tensorflow_hub"),
        ("a b\x1b[31m", "--import your_module.py"),
    ],
)
def test_advice_for_unknown_classes(module, advice, tmp_path):
    _, contents = read_spec(keras_file(tmp_path / "m.keras", json.dumps(config("Foo", module, "p>Foo"))))
    with pytest.raises(ModelFileError) as caught:
        refuse_unsafe("m.keras", contents, trust=True, has_imports=False)
    assert advice in str(caught.value)
    assert str(caught.value).isprintable()


# --- broken and hostile files -----------------------------------------------------------------------

BROKEN = {
    "config missing": (lambda p: keras_file(p, names=("model.weights.h5",)), "without config.json"),
    "weights missing": (lambda p: keras_file(p, names=("config.json",)), "model.weights.h5 is missing"),
    "config no JSON": (lambda p: keras_file(p, "{"), "is not JSON"),
    "config a list": (lambda p: keras_file(p, "[1]"), "is not a JSON object"),
    "config deep": (lambda p: keras_file(p, '{"a":' * 300 + "1" + "}" * 300), "levels deep"),
    "config bottomless": (lambda p: keras_file(p, '{"a":' * 100_000), "nested too deeply"),
    "parent folder": (lambda p: keras_file(p, extra=("../x",)), "points outside"),
    "absolute": (lambda p: keras_file(p, extra=("/x",)), "points outside"),
    "backslashes": (lambda p: keras_file(p, extra=("a\\..\\..\\x",)), "points outside"),
    "text": (lambda p: p.write_text("hello there"), "neither a zip archive"),
    "empty": (lambda p: p.write_bytes(b""), "is empty"),
    "no zip": (
        lambda p: p.write_bytes(b"PK\3\4" * 20),
        "is a zip archive that is cut off or damaged: .*; copy it again, or save it anew",
    ),
    "directory": (lambda p: p.mkdir(), "is a directory"),
    "missing": (lambda p: p, "does not exist"),
    "dangling link": (lambda p: p.symlink_to(p.with_name("nowhere")), "a link to a file that does not exist"),
    "loop of links": (lambda p: p.symlink_to(p), "cannot be read"),
    "pipe": (lambda p: os.mkfifo(p), "not a regular file"),
    "hdf5 without model": (lambda p: h5py.File(p, "w").close(), "holds no model"),
    "hdf5 cut": (lambda p: p.write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 50), "not a readable HDF5 file"),
}


@pytest.mark.parametrize(("make", "words"), BROKEN.values(), ids=BROKEN)
def test_broken_files_get_one_message(make, words, tmp_path):
    make(tmp_path / "m.keras")
    with pytest.raises(ModelFileError, match=words):
        read_spec(tmp_path / "m.keras")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_limits_are_named_with_what_raises_them(tmp_path):
    file = keras_file(tmp_path / "m.keras", json.dumps(config()))
    for name, words in (
        ("config", "larger than 100 bytes"),
        ("depth", "100 levels"),
        ("items", "limit of 1"),
        ("memory", "100 bytes allowed"),
    ):
        limit = {"items": 1, "depth": 3}.get(name, 100)
        with pytest.raises(ModelFileError, match=rf"({words}|levels deep|members).*--limit {name}="):
            read_spec(file, replace(Limits(), **{name: limit}))
    sample = tmp_path / "s.npz"
    np.savez(sample, x=np.ones(1000))
    with pytest.raises(SampleError, match=r"a check needs 2 times that, more than the 1\.0 kB allowed; give fewer"):
        read_array_specs(sample, Limits(memory=1000))


def test_weights_that_a_configuration_asks_for():
    dense = {**config("Dense", units=10)["config"]["layers"][1], "build_config": {"input_shape": [None, 7]}}
    assert least_weights({"class_name": "M", "config": {"layers": [dense]}}) == (4 * 70, "d")
    assert least_weights(config("Embedding", input_dim=5, output_dim=3))[0] == 4 * 15
    assert least_weights(config("LSTM", units=2))[0] == 4 * 4 * 2 * 3
    assert least_weights(config("Conv2D", filters=2, kernel_size=[3, 3]))[0] == 4 * 18
    assert least_weights(config("Dense", "mine", "mine>Dense", units=10**9))[0] == 0
    for odd in (None, "x", True, -3, 1.5, [2]):
        assert least_weights(config("Dense", units=odd))[0] == 0


def test_hard_links_may_form_a_loop(tmp_path):
    stream = io.BytesIO()
    with h5py.File(stream, "w") as store:
        store["a/b"] = np.ones(3)
        store["a/loop"] = store["a"]
        store["soft"] = h5py.SoftLink("/a")
    file = keras_file(tmp_path / "m.keras", names=("config.json",))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("model.weights.h5", stream.getvalue())
    assert read_spec(file)[1] == ()


def test_duplicates_and_links_in_an_archive(tmp_path):
    keras_file(tmp_path / "twice.keras", extra=("config.json",))
    with pytest.raises(UnsafeModelError, match=r"two members called 'config\.json'"):
        read_spec(tmp_path / "twice.keras")
    link = zipfile.ZipInfo("assets/x")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(keras_file(tmp_path / "link.keras"), "a") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(UnsafeModelError, match="is a link"):
        read_spec(tmp_path / "link.keras")


def test_hdf5_links_to_other_files(tmp_path):
    with h5py.File(tmp_path / "m.h5", "w") as store:
        store.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"layers": []}})
        store["model_weights/d"] = h5py.ExternalLink("/etc/passwd", "/")
    with pytest.raises(UnsafeModelError, match="a link to another file at '/model_weights/d'"):
        read_spec(tmp_path / "m.h5")


# --- samples ----------------------------------------------------------------------------------------


def npz(path, **members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return path


def header(shape, descr="<f4", data=b""):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue() + data


def test_reads_array_headers(tmp_path):
    np.savez(tmp_path / "s.npz", a=np.ones((2, 3), "float32"), b=np.array(["x", "yy"]), **{"u/v:w": np.int8(1)})
    assert read_array_specs(tmp_path / "s.npz") == (
        ArraySpec("a", (2, 3), "float32"),
        ArraySpec("b", (2,), "string"),
        ArraySpec("u/v:w", (), "int8"),
    )


BAD_ARRAYS = {
    "promises too much": (header((10**6, 10**6)), "promises 4,000,000,000,000 bytes"),
    "promises too little": (header((1,), data=b"\0" * 8), "promises 4 bytes"),
    "negative": (header((-1, 4)), "promises"),
    "cut": (header((4,))[:20], "header of 'a' is broken"),
    "no array": (b"nonsense", "header of 'a' is broken"),
    "pickled": (header((2,), "|O"), "pickled Python objects"),
    "structured": (header((1,), [("p", "<f4")], b"\0" * 4), "the fields 'p'"),
    "dates": (header((1,), "<M8[D]", b"\0" * 8), "dtype datetime64"),
    "no element": (header((0, 3)), "holds no element"),
}


@pytest.mark.parametrize(("data", "words"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_bad_arrays_get_one_message(data, words, tmp_path):
    with pytest.raises(SampleError, match=words):
        read_array_specs(npz(tmp_path / "s.npz", a=data))


def test_archives_that_are_no_samples(tmp_path):
    with pytest.raises(SampleError, match="holds no arrays"):
        read_array_specs(npz(tmp_path / "s.npz"))
    with pytest.raises(SampleError, match=r"'metadata.json', which is not an array"):
        read_array_specs(keras_file(tmp_path / "m.keras"))
    np.save(tmp_path / "a.npy", np.ones(3))
    with pytest.raises(SampleError, match=r"numpy\.savez"):
        read_array_specs(tmp_path / "a.npy")


@given(st.data())
def test_flipped_bytes_never_escape(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("npz") / "s.npz"
    np.savez(path, a=np.ones((2, 3)), b=np.array(["x"]))
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)
    message = ""
    try:
        read_array_specs(path)
    except GradlintError as error:
        message = str(error)
    assert message.isprintable()
