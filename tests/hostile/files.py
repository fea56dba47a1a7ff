"""Writes hostile and broken files, each with a payload that would leave a marker file behind, and nothing worse.

Neither TensorFlow nor Keras is needed to write them: configurations are JSON, weights are HDF5.
`CASES` says for each what `gradlint` must answer.
"""

from __future__ import annotations

import base64
import io
import json
import marshal
import os
import pickle
import struct
import types
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MARKER = "MARKER"
"""Name of the file that a payload would create, in the folder of its case."""
MODEL, SAMPLE = "m.keras", "s.npz"


@dataclass(frozen=True)
class Case:
    """One file, or a pair, and the answer that it must get.

    Attributes:
        make: writes the files into a folder, and gives the command's arguments.
        words: what stderr must hold (stdout, for a finding).
        status: exit status.
        loads: TensorFlow has to be imported before the answer is known.
    """

    name: str
    make: Callable[[Path], list[str]]
    words: str
    status: int = 2
    loads: bool = False


CASES: list[Case] = []


def case(words: str, status: int = 2, loads: bool = False) -> Callable[[Callable[[Path], Any]], Callable[[Path], Any]]:
    """Registers the function below it; by default it is checked as `m.keras`, with `s.npz` if written."""

    def register(make: Callable[[Path], Any]) -> Callable[[Path], Any]:
        def made(folder: Path) -> list[str]:
            arguments = make(folder)
            if isinstance(arguments, list):
                return arguments
            return [name for name in (MODEL, SAMPLE) if os.path.lexists(folder / name)]

        CASES.append(Case(make.__name__.replace("_", "-"), made, words, status, loads))
        return make

    return register


# -- a model that is all right -----------------------------------------------------------------------------

HISTORY = {
    "class_name": "__keras_tensor__",
    "config": {"shape": [None, 4], "dtype": "float32", "keras_history": ["x", 0, 0]},
}
FLOAT32 = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": None}


def layer(
    class_name: str = "Dense", module: str | None = "keras.layers", registered: object = None, **config: Any
) -> dict[str, Any]:
    if class_name == "Dense":
        config = {"units": 1, "activation": "linear", "use_bias": True, **config}
    return {
        "module": module,
        "class_name": class_name,
        "config": {"name": "d", "trainable": True, "dtype": FLOAT32, **config},
        "registered_name": registered,
        "build_config": {"input_shape": [None, 4]},
        "name": config.get("name", "d"),
        "inbound_nodes": [{"args": [HISTORY], "kwargs": {}}],
    }


def model(*layers: dict[str, Any], width: object = 4, **more: Any) -> dict[str, Any]:
    layers = layers or (layer(),)
    first = {
        "module": "keras.layers",
        "class_name": "InputLayer",
        "config": {"batch_shape": [None, width], "dtype": "float32", "sparse": False, "name": "x"},
        "registered_name": None,
        "name": "x",
        "inbound_nodes": [],
    }
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {
            "name": "m",
            "trainable": True,
            "layers": [first, *layers],
            "input_layers": [["x", 0, 0]],
            "output_layers": [[layers[-1]["name"], 0, 0]],
        },
        "registered_name": "Functional",
        "build_config": {"input_shape": None},
        **more,
    }


def weights(kernel: object = None, bias: object = None, group: str = "layers/dense/vars") -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as store:
        store[f"{group}/0"] = np.full((4, 1), 0.5, "float32") if kernel is None else kernel
        store[f"{group}/1"] = np.zeros(1, "float32") if bias is None else bias
    return stream.getvalue()


def keras_file(
    folder: Path, config: object = None, store: bytes | None = None, version: str = "3.15.1", **members: bytes | None
) -> None:
    text = config if isinstance(config, bytes) else json.dumps(model() if config is None else config).encode()
    content: dict[str, bytes | None] = {
        "metadata.json": json.dumps({"keras_version": version}).encode(),
        "config.json": text,
        "model.weights.h5": weights() if store is None else store,
        **members,
    }
    with zipfile.ZipFile(folder / MODEL, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            if data is not None:
                archive.writestr(name, data)


def sample(folder: Path, **arrays: object) -> None:
    np.savez(folder / SAMPLE, **(arrays or {"x": np.ones((3, 4), "float32"), "y": np.ones((3, 1), "float32")}))  # type: ignore[arg-type]


# -- payloads ----------------------------------------------------------------------------------------------


def touching(folder: Path) -> str:
    """Python code that would leave the marker."""
    return f"open({str(folder / MARKER)!r}, 'w').close()"


def marshalled(folder: Path) -> dict[str, Any]:
    """A lambda in Keras's form."""
    code = compile(f"lambda x: __import__('builtins').exec({touching(folder)!r}) or x", "payload", "eval")
    inner = next(part for part in code.co_consts if isinstance(part, types.CodeType))
    text = base64.b64encode(marshal.dumps(inner)).decode()
    return {"class_name": "__lambda__", "config": {"code": text, "defaults": None, "closure": None, "value": text}}


class _Payload:
    def __init__(self, folder: Path) -> None:
        self.code = touching(folder)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return exec, (self.code,)


def pickled(folder: Path) -> bytes:
    return pickle.dumps(_Payload(folder))


def evil_module(folder: Path) -> None:
    """A module that leaves the marker when it is imported, where Python would find it."""
    (folder / "evil.py").write_text(
        f"{touching(folder)}\ndef call(*a, **k):\n    {touching(folder)}\nclass Evil: from_config = call\n"
    )


def function(name: str, module: str) -> dict[str, Any]:
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def evil(folder: Path, name: str = "Evil") -> dict[str, Any]:
    evil_module(folder)
    return {"module": "evil", "class_name": name, "config": {}, "registered_name": name}


TRUST = "pass --trust-model"


@case(TRUST)
def lambda_layer(folder: Path) -> None:
    keras_file(folder, model(layer("Lambda", function=marshalled(folder))))


@case(TRUST)
def lambda_as_output_shape(folder: Path) -> None:
    keras_file(
        folder, model(layer("Lambda", function=function("relu", "keras.activations"), output_shape=marshalled(folder)))
    )


@case(TRUST)
def lambda_as_mask(folder: Path) -> None:
    keras_file(folder, model(layer("Lambda", function=function("relu", "keras.activations"), mask=marshalled(folder))))


@case(TRUST)
def lambda_in_a_model_in_a_model(folder: Path) -> None:
    inner = model(layer("Lambda", function=marshalled(folder)))
    keras_file(folder, model({**inner, "name": "inner", "inbound_nodes": [{"args": [HISTORY], "kwargs": {}}]}))


@case(TRUST)
def lambda_inside_a_wrapper(folder: Path) -> None:
    keras_file(folder, model(layer("TimeDistributed", layer=layer("Lambda", function=marshalled(folder)))))


@case(TRUST)
def lambda_as_activation(folder: Path) -> None:
    keras_file(folder, model(layer(activation=marshalled(folder))))


@case(TRUST)
def lambda_as_loss(folder: Path) -> None:
    keras_file(folder, model(compile_config={"optimizer": "sgd", "loss": marshalled(folder)}))


@case(TRUST)
def lambda_as_metric(folder: Path) -> None:
    keras_file(folder, model(compile_config={"optimizer": "sgd", "loss": "mse", "metrics": [[marshalled(folder)]]}))


@case(TRUST)
def lambda_in_a_node_argument(folder: Path) -> None:
    last = layer()
    last["inbound_nodes"][0]["kwargs"] = {"mask": marshalled(folder)}
    keras_file(folder, model(last))


@case(TRUST)
def lambda_in_a_build_config(folder: Path) -> None:
    last = layer()
    last["build_config"] = {"input_shape": marshalled(folder)}
    keras_file(folder, model(last))


@case("'evil'")
def class_of_another_module(folder: Path) -> None:
    evil_module(folder)
    keras_file(folder, model(layer("Evil", "evil")))


@case("'evil>Evil'")
def registered_name_under_a_class_of_keras(folder: Path) -> None:
    evil_module(folder)
    keras_file(folder, model(layer("Dense", "keras.layers", "evil>Evil")))


@case("do not trust this file")
def class_of_the_standard_library(folder: Path) -> None:
    keras_file(folder, model(layer("Popen", "subprocess", args=["touch", str(folder / MARKER)])))


@case("'system'")
def function_of_the_standard_library(folder: Path) -> None:
    keras_file(folder, model(layer(activation=function("system", "os"))))


@case("'exec'")
def builtin_function_in_a_lambda_layer(folder: Path) -> None:
    arguments = {"source": touching(folder)}
    keras_file(folder, model(layer("Lambda", function=function("exec", "builtins"), arguments=arguments)))


@case("'get_file'")
def download_in_a_lambda_layer(folder: Path) -> None:
    (folder / "source").write_text("x")
    arguments = {"origin": f"file://{folder}/source", "cache_dir": str(folder), "fname": str(folder / MARKER)}
    keras_file(folder, model(layer("Lambda", function=function("get_file", "keras.utils"), arguments=arguments)))


@case("'load_model'")
def loader_in_a_lambda_layer(folder: Path) -> None:
    keras_file(folder, model(layer("Lambda", function=function("load_model", "keras.models"))))


@case("to read as its filepath|'load_model'")
def loader_as_a_class(folder: Path) -> None:
    keras_file(folder, model(layer("load_model", "keras.saving", filepath=MODEL, safe_mode=False)))


@case("'VGG16'")
def application_that_downloads_in_a_lambda_layer(folder: Path) -> None:
    vgg = {"module": "keras.applications", "class_name": "VGG16", "config": {}, "registered_name": None}
    keras_file(folder, model(layer("Lambda", function=vgg, arguments={"weights": "imagenet"})))


@case("'enable_unsafe_deserialization'")
def switch_of_the_safe_mode(folder: Path) -> None:
    keras_file(folder, model(layer(activation=function("enable_unsafe_deserialization", "keras.config"))))


@case("'func_load'")
def private_function_of_keras(folder: Path) -> None:
    keras_file(folder, model(layer(activation=function("func_load", "keras.src.utils.python_utils"))))


@case("'deserialize'")
def deserializer_of_keras(folder: Path) -> None:
    keras_file(folder, model(layer(activation=function("deserialize", "keras.layers"))))


@case("'keras_evil.layers'")
def package_that_looks_like_keras(folder: Path) -> None:
    (folder / "keras_evil").mkdir()
    (folder / "keras_evil" / "__init__.py").write_text(touching(folder))
    keras_file(folder, model(layer("Dense", "keras_evil.layers")))


@case("TFSMLayer")
def saved_model_inside(folder: Path) -> None:
    (folder / "saved").mkdir()
    keras_file(folder, model(layer("TFSMLayer", filepath=str(folder / "saved"), call_endpoint="serve")))


@case("TorchModuleWrapper")
def pickled_torch_module(folder: Path) -> None:
    keras_file(folder, model(layer("TorchModuleWrapper", module=base64.b64encode(pickled(folder)).decode())))


@case("JaxLayer")
def jax_layer(folder: Path) -> None:
    keras_file(folder, model(layer("JaxLayer", call_fn=marshalled(folder))))


@case("'Evil'")
def type_specification(folder: Path) -> None:
    spec = {"class_name": "__typespec__", "spec_name": "Evil", "module": "evil", "registered_name": None, "config": []}
    evil_module(folder)
    keras_file(folder, model(layer(type_spec=spec)))


@case("the path '/etc/passwd'")
def vocabulary_of_the_system(folder: Path) -> None:
    keras_file(folder, model(layer("StringLookup", vocabulary="/etc/passwd")))


@case("to read as its vocabulary")
def vocabulary_beside_the_model(folder: Path) -> None:
    keras_file(folder, model(layer("TextVectorization", vocabulary="words.txt")))


@case("to read as its vocabulary")
def vocabulary_in_a_bucket(folder: Path) -> None:
    keras_file(folder, model(layer("IntegerLookup", vocabulary="gs://bucket/words.txt")))


@case("to read as its proto")
def tokenizer_with_a_path(folder: Path) -> None:
    keras_file(folder, model(layer("T5Tokenizer", "keras_hub.src.models.t5.t5_tokenizer", proto="/etc/passwd")))


@case("to read as its handle")
def tensorflow_hub_address(folder: Path) -> None:
    keras_file(folder, model(layer("KerasLayer", "tensorflow_hub", "hub>KerasLayer", handle="https://tfhub.dev/x/1")))


@case("'Evil'")
def evil_optimizer(folder: Path) -> None:
    keras_file(folder, model(compile_config={"optimizer": evil(folder), "loss": "mse"}))


@case("'Evil'")
def evil_loss(folder: Path) -> None:
    keras_file(folder, model(compile_config={"optimizer": "sgd", "loss": evil(folder)}))


@case("'Evil'")
def evil_metric(folder: Path) -> None:
    keras_file(folder, model(compile_config={"optimizer": "sgd", "loss": "mse", "metrics": [evil(folder)]}))


@case("'Evil'")
def evil_initializer(folder: Path) -> None:
    keras_file(folder, model(layer(kernel_initializer=evil(folder))))


@case("'Evil'")
def evil_dtype_policy(folder: Path) -> None:
    keras_file(folder, model(layer(dtype=evil(folder))))


@case("'Evil'")
def evil_learning_rate(folder: Path) -> None:
    adam = {
        "module": "keras.optimizers",
        "class_name": "Adam",
        "registered_name": None,
        "config": {"learning_rate": evil(folder)},
    }
    keras_file(folder, model(compile_config={"optimizer": adam, "loss": "mse"}))


@case("'call'")
def evil_function_as_loss(folder: Path) -> None:
    evil_module(folder)
    keras_file(folder, model(compile_config={"optimizer": "sgd", "loss": function("call", "evil")}))


@case("pickled Python objects")
def pickled_weights(folder: Path) -> None:
    stream = io.BytesIO()
    np.savez(stream, __root__=np.array([_Payload(folder)], dtype=object))
    keras_file(folder, None, **{"model.weights.h5": None, "model.weights.npz": stream.getvalue()})


# -- legacy HDF5 -------------------------------------------------------------------------------------------


def legacy(folder: Path, *layers: dict[str, Any], **attributes: Any) -> list[str]:
    first = {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4], "name": "x", "dtype": "float32"}}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [first, *layers]}}
    with h5py.File(folder / "m.h5", "w") as store:
        store.attrs["model_config"] = json.dumps(config)
        store.attrs["keras_version"] = "2.15.0"
        for name, value in attributes.items():
            store.attrs[name] = json.dumps(value)
        store.create_group("model_weights").attrs["layer_names"] = np.array([], "S1")
    return ["m.h5"]


@case(TRUST)
def legacy_lambda(folder: Path) -> list[str]:
    code = marshalled(folder)["config"]["code"]
    return legacy(
        folder,
        {"class_name": "Lambda", "config": {"name": "l", "function": [code, None, None], "function_type": "lambda"}},
    )


@case(TRUST)
def legacy_lambda_inside_a_wrapper(folder: Path) -> list[str]:
    code = marshalled(folder)["config"]["code"]
    inner = {"class_name": "Lambda", "config": {"name": "l", "function": [code, None, None]}}
    return legacy(folder, {"class_name": "TimeDistributed", "config": {"name": "t", "layer": inner}})


@case("'deserialize'")
def legacy_function_as_a_class(folder: Path) -> list[str]:
    return legacy(folder, {"class_name": "deserialize", "config": {"config": {}}})


@case("the unknown class 'Evil'")
def legacy_class(folder: Path) -> list[str]:
    evil_module(folder)
    return legacy(folder, {"class_name": "Evil", "config": {"name": "e"}})


@case("'Evil'")
def legacy_class_with_a_module(folder: Path) -> list[str]:
    evil_module(folder)
    return legacy(folder, {"class_name": "Evil", "module": "evil", "config": {"name": "e"}, "registered_name": None})


@case("'Evil'")
def legacy_training_config(folder: Path) -> list[str]:
    loss = {"class_name": "Evil", "config": {}}
    return legacy(folder, {"class_name": "Dense", "config": {"name": "d", "units": 1}}, training_config={"loss": loss})


@case("a link to another file")
def legacy_external_link(folder: Path) -> list[str]:
    legacy(folder, {"class_name": "Dense", "config": {"name": "d", "units": 1}})
    with h5py.File(folder / "m.h5", "a") as store:
        store["model_weights/d"] = h5py.ExternalLink("/etc/passwd", "/")
    return ["m.h5"]


@case("in another file")
def legacy_external_data(folder: Path) -> list[str]:
    legacy(folder, {"class_name": "Dense", "config": {"name": "d", "units": 1}})
    with h5py.File(folder / "m.h5", "a") as store:
        store["model_weights"].create_dataset("k", (4,), "u1", external=[("/etc/passwd", 0, 4)])
    return ["m.h5"]


@case("tensorflow_hub")
def legacy_class_of_a_known_package(folder: Path) -> list[str]:
    return legacy(folder, {"class_name": "KerasLayer", "config": {"name": "hub"}})


@case("texts at byte")
def legacy_text_without_end(folder: Path) -> list[str]:
    legacy(folder, {"class_name": "Dense", "config": {"name": "d", "units": 1}})
    (folder / "m.h5").write_bytes(_endless((folder / "m.h5").read_bytes()))
    return ["m.h5"]


@case("may expand to")
def legacy_text_that_four_thousand_share(folder: Path) -> list[str]:
    with h5py.File(folder / "m.h5", "w") as store:
        store.attrs["model_config"] = ["x" * 2**20] + ["y"] * 4_000
    (folder / "m.h5").write_bytes(_shared((folder / "m.h5").read_bytes(), 2**20))
    return ["m.h5"]


def _endless(data: bytes) -> bytes:
    """The file with the rest of its first heap of texts given a size of nothing."""
    changed, heap = bytearray(data), data.index(b"GCOL\x01")
    (size,) = struct.unpack_from("<Q", data, heap + 8)
    place = heap + 16
    while data[place : place + 2] != b"\0\0":
        (length,) = struct.unpack_from("<Q", data, place + 8)
        place += 16 + -(-length // 8) * 8
    assert place < heap + size
    struct.pack_into("<Q", changed, place + 8, 0)
    return bytes(changed)


def _shared(data: bytes, length: int) -> bytes:
    """The file with all its texts of one character replaced by that of the given length."""
    large, small = (struct.pack("<I", number) for number in (length, 1))
    first = data.find(large)
    while data[first + 16 : first + 20] != small:
        first = data.index(large, first + 1)
    changed, place = bytearray(data), first
    while data[place + 16 : place + 20] == small:
        place += 16
        changed[place : place + 16] = data[first : first + 16]
    assert place > first
    return bytes(changed)


# -- weights -----------------------------------------------------------------------------------------------


def hdf5(write: Callable[[h5py.File], object]) -> bytes:
    stream = io.BytesIO(weights())
    with h5py.File(stream, "a") as store:
        write(store)
    return stream.getvalue()


@case("a link to another file")
def external_link_in_the_weights(folder: Path) -> None:
    keras_file(folder, store=hdf5(lambda store: store.__setitem__("layers/e", h5py.ExternalLink("/etc/passwd", "/"))))


@case("in another file")
def external_data_in_the_weights(folder: Path) -> None:
    keras_file(
        folder, store=hdf5(lambda store: store.create_dataset("layers/e", (4,), "u1", external=[("/etc/passwd", 0, 4)]))
    )


@case("a virtual data set")
def virtual_data_in_the_weights(folder: Path) -> None:
    layout = h5py.VirtualLayout((4,), "u1")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "k", (4,))
    keras_file(folder, store=hdf5(lambda store: store.create_virtual_dataset("layers/v", layout)))


@case("declares")
def data_set_that_promises_more_than_it_holds(folder: Path) -> None:
    keras_file(folder, store=hdf5(lambda store: store.create_dataset("big", (10**6, 10**7), "f4", chunks=(1024, 1024))))


@case("not a readable HDF5 file")
def weights_cut_off(folder: Path) -> None:
    keras_file(folder, store=weights()[:1000])


@case("not a readable HDF5 file")
def weights_that_are_text(folder: Path) -> None:
    keras_file(folder, store=b"weights")


@case("texts at byte")
def text_without_end_in_the_weights(folder: Path) -> None:
    store = hdf5(lambda store: store["layers/dense/vars/0"].attrs.__setitem__("dtype", "float32"))
    keras_file(folder, store=_endless(store))


@case("may expand to")
def text_that_four_thousand_share_in_the_weights(folder: Path) -> None:
    texts = ["x" * 2**20] + ["y"] * 4_000
    store = hdf5(lambda store: store["layers/dense/vars/0"].attrs.__setitem__("dtype", texts))
    keras_file(folder, store=_shared(store, 2**20))


@case("more than 3,000 texts")
def weights_of_many_texts(folder: Path) -> list[str]:
    keras_file(folder, store=hdf5(lambda store: store.create_dataset("t", data=["x"] * 3_100)))
    return [MODEL, "--limit", "items=300"]


@case("the weights do not fit the model", loads=True)
def weights_of_structures(folder: Path) -> None:
    keras_file(folder, store=weights(np.zeros((4, 1), [("a", "f4"), ("b", "f4")])))


@case("the weights do not fit the model", loads=True)
def weights_of_text(folder: Path) -> None:
    keras_file(folder, store=weights(np.array([[b"a"]] * 4)))


@case("m.keras", loads=True)
def weights_through_a_filter_of_another_library(folder: Path) -> None:
    """HDF5 looks for such a filter in folders of the system, and would load it as native code."""
    store = hdf5(lambda file: _packed(file["layers/dense/vars"]))
    keras_file(
        folder,
        store=store.replace(b"\x01\x00\x08\x00\x01\x00\x01\x00deflate", b"\x15\x7d\x08\x00\x00\x00\x01\x00deflate"),
    )


def _packed(group: h5py.Group) -> None:
    del group["0"]
    group.create_dataset("0", data=np.ones((4, 1), "float32"), chunks=(4, 1), compression="gzip")


@case("", status=0, loads=True)
def links_in_circles(folder: Path) -> None:
    def write(store: h5py.File) -> None:
        store["layers/dense/up"] = store["layers"]
        store["layers/soft"] = h5py.SoftLink("/layers/soft")

    sample(folder)
    keras_file(folder, model(compile_config={"loss": "mse"}), hdf5(write))


@case("more than 1,200 groups")
def weights_in_too_many_groups(folder: Path) -> list[str]:
    keras_file(folder, store=hdf5(lambda store: [store.create_group(f"g/{n}") for n in range(1210)]))
    return [MODEL, "--limit", "items=300"]


@case("the weights do not fit the model", loads=True)
def weights_missing(folder: Path) -> None:
    keras_file(folder, store=weights(group="layers/other/vars"))


@case("the weights do not fit the model", loads=True)
def weights_that_are_one_too_many(folder: Path) -> None:
    keras_file(folder, store=hdf5(lambda store: store.__setitem__("layers/dense/vars/2", np.ones(1, "float32"))))


@case("the weights do not fit the model", loads=True)
def weights_of_another_shape(folder: Path) -> None:
    keras_file(folder, store=weights(np.ones((7, 3), "float32")))


@case("GL302", status=1, loads=True)
def weights_that_are_nan(folder: Path) -> None:
    sample(folder)
    keras_file(folder, model(compile_config={"loss": "mse"}), weights(np.full((4, 1), np.nan, "float32")))


# -- archives ----------------------------------------------------------------------------------------------


@case("points outside of it")
def member_in_the_parent_folder(folder: Path) -> None:
    keras_file(folder, **{f"assets/../../{MARKER}": b"x"})


@case("points outside of it")
def member_with_an_absolute_path(folder: Path) -> None:
    keras_file(folder, **{str(folder / MARKER): b"x"})


@case("points outside of it")
def member_with_backslashes(folder: Path) -> None:
    keras_file(folder, **{f"assets\\..\\..\\{MARKER}": b"x"})


@case("is a link or a device")
def member_that_is_a_link(folder: Path) -> None:
    keras_file(folder)
    link = zipfile.ZipInfo("assets/l")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(folder / MODEL, "a") as archive:
        archive.writestr(link, "/etc/passwd")


@case("two members called 'config.json'")
def member_twice(folder: Path) -> None:
    keras_file(folder)
    with zipfile.ZipFile(folder / MODEL, "a") as archive:
        info = zipfile.ZipInfo("config.jsox")
        archive.writestr(info, json.dumps(model(layer("Lambda", function=marshalled(folder)))))
    data = (folder / MODEL).read_bytes().replace(b"config.jsox", b"config.json")
    (folder / MODEL).write_bytes(data)


@case("is encrypted")
def member_encrypted(folder: Path) -> None:
    keras_file(folder)
    data = bytearray((folder / MODEL).read_bytes())
    place = data.find(b"PK\x01\x02")
    while place >= 0:
        data[place + 8] |= 1
        place = data.find(b"PK\x01\x02", place + 4)
    (folder / MODEL).write_bytes(data)


@case("claims")
def member_that_is_a_bomb(folder: Path) -> None:
    keras_file(folder, **{"assets/bomb": bytes(300 * 2**20)})


@case("expanded, the archive takes")
def archive_that_is_larger_than_memory(folder: Path) -> None:
    keras_file(folder, **{"assets/a": os.urandom(2**16)})
    _claim(folder / MODEL, b"assets/a", 10**13, 10**12)


@case("more than the limit of 10,000")
def archive_of_many_members(folder: Path) -> None:
    keras_file(folder, **{f"assets/{n}": b"" for n in range(10_100)})


@case("expanded, the archive takes")
def members_that_share_their_bytes(folder: Path) -> None:
    """2,000 entries of the directory for one member: 250 MB each, and below the ratio each."""
    keras_file(folder, **{"assets/a": (os.urandom(2**12) + bytes(2**19)) * 476})
    data = (folder / MODEL).read_bytes()
    start, place, end = (data.find(b"PK\x01\x02"), data.rfind(b"PK\x01\x02"), data.rfind(b"PK\x05\x06"))
    entry = data[place:end]
    assert entry[46:] == b"assets/a"
    more = [entry[:28] + b"\x0b\x00" + entry[30:46] + b"assets/%04d" % number for number in range(2_000)]
    directory = data[start:end] + b"".join(more)
    tail = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 2_004, 2_004, len(directory), start, 0)
    (folder / MODEL).write_bytes(data[:start] + directory + tail)


@case("config.json is broken")
def member_with_a_wrong_checksum(folder: Path) -> None:
    keras_file(folder)
    data = bytearray((folder / MODEL).read_bytes())
    for start, offset in ((b"PK\x03\x04", 14), (b"PK\x01\x02", 16)):
        place = data.find(start, data.find(start) + 4)
        data[place + offset] ^= 0xFF
    (folder / MODEL).write_bytes(data)


@case("compressed by method 99")
def member_in_an_unknown_compression(folder: Path) -> None:
    keras_file(folder)
    data = bytearray((folder / MODEL).read_bytes())
    for start, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        place = data.find(start, data.find(start) + 4)
        data[place + offset] = 99
    (folder / MODEL).write_bytes(data)


@case(r"two members called '\\x1b\[2J'")
def member_with_terminal_codes(folder: Path) -> None:
    keras_file(folder, **{"\x1b[2J": b""})
    with zipfile.ZipFile(folder / MODEL, "a") as archive:
        archive.writestr("\x1b[2J", b"")


@case("needs a name ending in .h5", loads=True)
def archive_behind_another_model(folder: Path) -> None:
    """For a reader that goes by the first bytes a harmless .h5 file; for one that goes by the name, a Lambda."""
    keras_file(folder, model(layer("Lambda", function=marshalled(folder))))
    legacy(folder, {"class_name": "Dense", "config": {"name": "d", "units": 1}})
    sample(folder)
    archive = (folder / MODEL).read_bytes()
    (folder / MODEL).write_bytes((folder / "m.h5").read_bytes() + archive)


@case("neither a zip archive")
def archive_behind_a_program(folder: Path) -> None:
    keras_file(folder)
    (folder / MODEL).write_bytes(b"#!/bin/sh\nexit\n" + (folder / MODEL).read_bytes())


def _claim(path: Path, name: bytes, size: int, packed: int) -> None:
    """Rewrites the sizes in the central directory (as zip64 when they need it)."""
    data = bytearray(path.read_bytes())
    place = data.rfind(b"PK\x01\x02", 0, data.rfind(name))
    start = place + 46 + len(name)
    struct.pack_into("<II", data, place + 20, 0xFFFFFFFF, 0xFFFFFFFF)
    extra = struct.pack("<HHQQ", 1, 16, size, packed)
    struct.pack_into("<H", data, place + 30, len(extra))
    data[start:start] = extra
    end = data.rfind(b"PK\x05\x06")
    (length,) = struct.unpack_from("<I", data, end + 12)
    struct.pack_into("<I", data, end + 12, length + len(extra))
    path.write_bytes(data)


# -- sizes, depths, numbers --------------------------------------------------------------------------------


@case("config.json is larger than")
def config_that_is_a_bomb(folder: Path) -> None:
    keras_file(folder, b" " * (200 * 2**20))


@case("metadata.json is larger than")
def metadata_that_is_a_bomb(folder: Path) -> None:
    keras_file(folder, **{"metadata.json": b" " * (100 * 2**20)})


@case("levels deep")
def config_nested_three_hundred_levels(folder: Path) -> None:
    keras_file(folder, b'{"a":' * 300 + b"1" + b"}" * 300)


@case("nested too deeply")
def config_nested_without_end(folder: Path) -> None:
    keras_file(folder, b"[" * 1_000_000)


@case("lists and objects")
def config_of_eleven_million_empty_lists(folder: Path) -> None:
    keras_file(folder, b'{"class_name": "Functional", "config": {"a": [' + b"[]," * 11_000_000 + b"[]]}}")


@case("has more than 10,000 layers")
def config_of_many_layers(folder: Path) -> None:
    keras_file(folder, model(*[layer(name=f"d{n}") for n in range(10_100)]))


@case("is not JSON")
def config_with_a_number_of_ten_thousand_digits(folder: Path) -> None:
    keras_file(folder, json.dumps(model()).replace('"units": 1', '"units": 1' + "0" * 10_000).encode())


@case("not text in UTF-8")
def config_that_hides_a_key_behind_another(folder: Path) -> None:
    """Two keys for Keras, which lets half characters pass; one for a reader that replaces them."""
    reader = {**layer("StringLookup", vocabulary="/etc/passwd"), "inbound_nodes": []}
    last = layer()
    last["inbound_nodes"][0]["kwargs"] = {"key-1": reader, "key-2": None}
    text = json.dumps(model(last)).encode()
    keras_file(folder, text.replace(b"key-1", b"key\xed\xa0\x80").replace(b"key-2", b"key\xed\xa0\x81"))


@case("not JSON")
def config_in_utf_16(folder: Path) -> None:
    keras_file(folder, json.dumps(model()).encode("utf-16"))


@case("metadata.json is not a JSON object")
def metadata_that_is_a_list(folder: Path) -> None:
    keras_file(folder, **{"metadata.json": b"[]"})


@case(r"Keras 3\.\\x1b\[2J")
def version_with_terminal_codes(folder: Path) -> None:
    keras_file(folder, model(layer("HoloDense")), version="3.\x1b[2J")


@case("could not build|no array can have|no sample can be made up")
def input_of_a_thousand_axes(folder: Path) -> None:
    config = model()
    config["config"]["layers"][0]["config"]["batch_shape"] = [None] + [1] * 1_000
    keras_file(folder, config)


@case("could not build", loads=True)
def input_of_an_unknown_dtype(folder: Path) -> None:
    config = model()
    config["config"]["layers"][0]["config"]["dtype"] = "float31"
    keras_file(folder, config)


@case("GL101", status=1)
def layer_on_its_own_output(folder: Path) -> None:
    sample(folder)
    keras_file(folder, model(_after(layer(), "d", 1)))


@case("could not build", loads=True)
def layer_on_an_output_that_is_not_there(folder: Path) -> None:
    config = {**HISTORY["config"], "keras_history": ["x", 10**9, -(10**9)]}
    tensor = {**HISTORY, "config": config}
    sample(folder)
    keras_file(folder, model({**layer(), "inbound_nodes": [{"args": [tensor], "kwargs": {}}]}))


@case("could not build", loads=True)
def layers_of_the_same_name(folder: Path) -> None:
    sample(folder)
    keras_file(folder, model(layer(), layer()))


@case("could not build", loads=True)
def dense_of_a_negative_number(folder: Path) -> None:
    sample(folder)
    keras_file(folder, model(layer(units=-1)))


@case("could not build", loads=True)
def dense_of_nan(folder: Path) -> None:
    sample(folder)
    keras_file(folder, model(layer(units=float("nan"))))


@case("could not build", loads=True)
def activation_that_is_not_there(folder: Path) -> None:
    sample(folder)
    keras_file(folder, model(layer(activation="no_such")))


@case("", status=0, loads=True)
def graph_of_a_quintillion_paths(folder: Path) -> None:
    """Sixty additions of a tensor to itself."""
    layers, name = [], "x"
    for number in range(60):
        added = layer("Add", name=f"a{number}")
        tensor = {**HISTORY, "config": {**HISTORY["config"], "keras_history": [name, 0, 0]}}
        name = added["name"]
        layers.append(
            {
                **added,
                "build_config": {"input_shape": [[None, 4]] * 2},
                "inbound_nodes": [{"args": [[tensor] * 2], "kwargs": {}}],
            }
        )
    sample(folder)
    keras_file(folder, model(*layers, _after(layer(), name, 4), compile_config={"loss": "mse"}))


@case("of weights")
def dense_of_a_billion_units(folder: Path) -> None:
    keras_file(folder, model(layer(units=10**9)))


@case("of weights")
def dense_of_a_number_beyond_all_types(folder: Path) -> None:
    keras_file(folder, model(layer(units=10**4000)))


@case("of weights")
def embedding_of_a_million_by_a_million(folder: Path) -> None:
    keras_file(folder, model(layer("Embedding", input_dim=10**6, output_dim=10**6)))


@case("of weights")
def lstm_of_a_million_units(folder: Path) -> None:
    keras_file(folder, model(layer("LSTM", units=10**6)))


@case("of weights")
def convolution_of_a_billion_filters(folder: Path) -> None:
    keras_file(folder, model(layer("Conv2D", filters=10**9, kernel_size=[3, 3])))


@case("its variables take at least", loads=True)
def weights_that_only_building_shows(folder: Path) -> None:
    keras_file(folder, model(layer("EinsumDense", equation="ab,bc->ac", output_shape=10**10)))


@case("--depth structure", loads=True)
def output_larger_than_memory(folder: Path) -> None:
    sample(folder)
    keras_file(folder, model(layer("RepeatVector", n=10**11)))


@case("a sample for the inputs of 'm' takes")
def input_of_a_trillion_numbers(folder: Path) -> None:
    keras_file(folder, model(width=10**12))


@case("no array can have")
def input_of_a_negative_shape(folder: Path) -> None:
    keras_file(folder, model(width=-4))


@case("out of memory", loads=True)
def rows_that_multiply_when_it_runs(folder: Path) -> list[str]:
    sample(folder)
    many = {"repeats": 10**10, "axis": 0}
    last = layer("Lambda", function=function("repeat", "keras.ops"), arguments=many, output_shape=[4])
    keras_file(folder, model(last), weights())
    return [MODEL, SAMPLE, "--isolate"]


@case("took more than 12 seconds", loads=True)
def native_code_that_takes_minutes(folder: Path) -> list[str]:
    """The singular values of a matrix of 4,000 columns: one call of a library, from a file of a kilobyte."""
    many = layer("RepeatVector", name="r", n=4_000_000)
    square = _after(layer("Reshape", name="s", target_shape=[4000, 4000]), "r", 4_000_000, 4)
    arguments = {"compute_uv": False, "full_matrices": False}
    values = layer("Lambda", name="v", function=function("svd", "keras.ops"), arguments=arguments, output_shape=[4000])
    last = _after(layer(), "v", 4000)
    last["build_config"] = {"input_shape": [None, 4000]}
    layers = (many, square, _after(values, "s", 4000, 4000), last)
    keras_file(folder, model(*layers), weights(np.ones((4000, 1), "float32")))
    sample(folder, x=np.ones((1, 4), "float32"))
    return [MODEL, SAMPLE, "--timeout", "12"]


@case("takes 1,000,000 steps", loads=True)
def recurrence_without_end(folder: Path) -> None:
    last = _after(layer("SimpleRNN", units=1), "r", 1_000_000, 4)
    last["build_config"] = {"input_shape": [None, 1_000_000, 4]}
    store = hdf5(lambda file: [file.copy("layers/dense/vars", "layers/simple_rnn/cell/vars"), _third(file)])
    keras_file(folder, model(layer("RepeatVector", name="r", n=1_000_000), last), store)
    sample(folder)


def _third(store: h5py.File) -> None:
    group = store["layers/simple_rnn/cell/vars"]
    group.move("1", "2")
    group["1"] = np.ones((1, 1), "float32")


def _after(entry: dict[str, Any], name: str, *shape: int) -> dict[str, Any]:
    """The layer, called on the output of another."""
    config = {"shape": [None, *shape], "dtype": "float32", "keras_history": [name, 0, 0]}
    return {**entry, "inbound_nodes": [{"args": [{"class_name": "__keras_tensor__", "config": config}], "kwargs": {}}]}


# -- samples -----------------------------------------------------------------------------------------------


def npy(shape: tuple[int, ...], descr: object = "<f4", data: bytes = b"") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue() + data


def npz(folder: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    keras_file(folder)
    with zipfile.ZipFile(folder / SAMPLE, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@case("pickled Python objects, which are never loaded")
def pickled_sample(folder: Path) -> None:
    keras_file(folder)
    np.savez(folder / SAMPLE, x=np.array([_Payload(folder)], dtype=object))


@case("promises 4,000,000,000,000 bytes")
def array_that_promises_more_than_it_holds(folder: Path) -> None:
    npz(folder, {"x.npy": npy((10**6, 10**6))})


@case("promises more than 1,000 TB")
def array_of_a_shape_beyond_all_types(folder: Path) -> None:
    npz(folder, {"x.npy": npy((10**18, 10**18))})


@case("claims")
def array_that_is_a_bomb(folder: Path) -> None:
    npz(folder, {"x.npy": npy((300 * 2**20 // 4,), data=bytes(300 * 2**20))}, zipfile.ZIP_DEFLATED)


@case("the header of 'x' is broken")
def array_header_with_code(folder: Path) -> None:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': exec({touching(folder)!r})}}".encode()
    npz(folder, {"x.npy": b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header})


@case("version 9.0")
def array_of_a_future_version(folder: Path) -> None:
    npz(folder, {"x.npy": b"\x93NUMPY\x09\x00" + npy((1,))[8:]})


@case("structured array")
def structured_array(folder: Path) -> None:
    keras_file(folder)
    np.savez(folder / SAMPLE, x=np.zeros(3, [("a", "f4"), ("b", "f4")]))


@case("datetime64")
def array_of_dates(folder: Path) -> None:
    keras_file(folder)
    np.savez(folder / SAMPLE, x=np.zeros(3, "datetime64[D]"))


@case("holds no element")
def array_without_elements(folder: Path) -> None:
    keras_file(folder)
    sample(folder, x=np.zeros((0, 4), "float32"))


@case("holds no arrays")
def sample_without_arrays(folder: Path) -> None:
    npz(folder, {})


@case("promises")
def array_of_a_negative_shape(folder: Path) -> None:
    npz(folder, {"x.npy": npy((-3, -4), data=bytes(48))})


@case("promises")
def array_of_very_long_text(folder: Path) -> None:
    npz(folder, {"x.npy": npy((1,), "<U100000000")})


@case("no characters")
def array_of_a_trillion_empty_texts(folder: Path) -> None:
    npz(folder, {"x.npy": npy((10**12,), "<U0")})


@case("GL403", status=1)
def array_of_a_hundred_axes(folder: Path) -> None:
    npz(folder, {"x.npy": npy((1,) * 100, data=bytes(4))})


@case("the header of 'x' is broken")
def array_with_a_long_header(folder: Path) -> None:
    header = (str({"descr": "<f4", "fortran_order": False, "shape": (3, 4)}) + " " * 60_000).encode()
    npz(folder, {"x.npy": b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(48)})


@case("the header of 'x' is broken")
def array_with_a_nested_header(folder: Path) -> None:
    header = b"(" * 9_000
    npz(folder, {"x.npy": b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header})


@case("cannot be read|is broken", loads=True)
def array_with_a_wrong_checksum(folder: Path) -> None:
    sample(folder)
    keras_file(folder)
    data = bytearray((folder / SAMPLE).read_bytes())
    data[data.find(b"PK\x03\x04", 4) - 1] ^= 0xFF
    (folder / SAMPLE).write_bytes(data)


@case("two members called 'x.npy'")
def array_twice(folder: Path) -> None:
    npz(folder, {"x.npy": npy((3, 4), data=bytes(48))})
    with zipfile.ZipFile(folder / SAMPLE, "a") as archive:
        archive.writestr("x.npy", npy((3, 4), data=bytes(48)))


@case("not an .npz archive")
def sample_that_is_a_single_array(folder: Path) -> None:
    keras_file(folder)
    (folder / SAMPLE).write_bytes(npy((3, 4), data=bytes(48)))


@case("is a folder, and not one that tf.data.Dataset.save has written")
def sample_that_is_a_directory(folder: Path) -> None:
    keras_file(folder)
    (folder / SAMPLE).mkdir()


@case("not a regular file")
def sample_that_is_a_pipe(folder: Path) -> None:
    keras_file(folder)
    os.mkfifo(folder / SAMPLE)


@case("a link to a file that does not exist")
def sample_that_is_a_dangling_link(folder: Path) -> None:
    keras_file(folder)
    (folder / SAMPLE).symlink_to(folder / "nowhere")


@case("does not exist")
def sample_that_is_missing(folder: Path) -> list[str]:
    keras_file(folder)
    return [MODEL, SAMPLE]


@case("GL401", status=1)
def key_without_a_name(folder: Path) -> None:
    npz(folder, {".npy": npy((3, 4), data=bytes(48)), "b.npy": npy((3, 4), data=bytes(48))})


@case("größe der Wohnung/in m²", status=1)
def keys_with_spaces_and_other_letters(folder: Path) -> None:
    npz(folder, {f"{key}.npy": npy((3, 4), data=bytes(48)) for key in ("größe der Wohnung/in m²", "b")})


@case("which is not an array")
def sample_with_something_else(folder: Path) -> None:
    npz(folder, {"x.npy": npy((1,), data=bytes(4)), "script.py": touching(folder).encode()})


@case("not an .npz archive")
def sample_that_is_a_pickle(folder: Path) -> None:
    keras_file(folder)
    (folder / SAMPLE).write_bytes(pickled(folder))


@case("s.npz")
def sample_cut_off(folder: Path) -> None:
    keras_file(folder)
    sample(folder)
    (folder / SAMPLE).write_bytes((folder / SAMPLE).read_bytes()[:300])


@case("is empty")
def sample_empty(folder: Path) -> None:
    keras_file(folder)
    (folder / SAMPLE).write_bytes(b"")


@case("more than the limit of 10,000")
def sample_of_many_arrays(folder: Path) -> None:
    npz(folder, {f"k{n}.npy": npy((), data=bytes(4)) for n in range(10_100)})


@case("GL401", status=1)
def keys_with_terminal_codes(folder: Path) -> None:
    keras_file(folder)
    npz(folder, {"\x1b[2J\x1b]0;owned\x07.npy": npy((3, 4), data=bytes(48)), "‮evil.npy": npy((3, 4), data=bytes(48))})


@case("GL401", status=1)
def keys_with_markup(folder: Path) -> list[str]:
    npz(folder, {"<script>alert(1)</script>.npy": npy((3, 4), data=bytes(48)), "|a|b.npy": npy((3, 4), data=bytes(48))})
    return [MODEL, SAMPLE, "--format", "json"]


@case("GL401", status=1)
def keys_outside_of_the_archive(folder: Path) -> None:
    npz(folder, {f"../{MARKER}.npy": npy((3, 4), data=bytes(48)), "/a b.npy": npy((3, 4), data=bytes(48))})


@case("GL30", status=1, loads=True)
def sample_of_nan(folder: Path) -> None:
    keras_file(folder, model(compile_config={"loss": "mse"}))
    sample(folder, x=np.full((3, 4), np.nan, "float32"), y=np.ones((3, 1), "float32"))


@case("GL30", status=1, loads=True)
def sample_of_infinity(folder: Path) -> None:
    keras_file(folder, model(compile_config={"loss": "mse"}))
    sample(folder, x=np.full((3, 4), np.inf, "float32"), y=np.ones((3, 1), "float32"))


@case("GL30", status=1, loads=True)
def labels_of_nan(folder: Path) -> None:
    keras_file(folder, model(compile_config={"loss": "mse"}))
    sample(folder, x=np.ones((3, 4), "float32"), y=np.full((3, 1), np.nan, "float32"))


# -- broken ------------------------------------------------------------------------------------------------


@case("is empty")
def model_empty(folder: Path) -> None:
    (folder / MODEL).write_bytes(b"")


@case("cut off or damaged")
def model_cut_off(folder: Path) -> None:
    keras_file(folder)
    (folder / MODEL).write_bytes((folder / MODEL).read_bytes()[:-200])


@case(r"\\x1b\[2J\.keras is empty")
def model_with_terminal_codes_in_its_name(folder: Path) -> list[str]:
    (folder / "\x1b[2J.keras").write_bytes(b"")
    return ["\x1b[2J.keras"]


@case("needs a name ending in .keras", loads=True)
def model_of_another_name(folder: Path) -> list[str]:
    sample(folder)
    keras_file(folder)
    (folder / MODEL).rename(folder / "m.bin")
    return ["m.bin", SAMPLE]


@case("neither a zip archive")
def model_of_wrong_magic(folder: Path) -> None:
    (folder / MODEL).write_bytes(pickled(folder))


@case("is a directory")
def model_that_is_a_directory(folder: Path) -> None:
    (folder / MODEL).mkdir()


@case("not a regular file")
def model_that_is_a_pipe(folder: Path) -> None:
    os.mkfifo(folder / MODEL)


@case("not a regular file")
def model_that_is_a_device(folder: Path) -> list[str]:
    return ["/dev/zero"]


@case("a link to a file that does not exist")
def model_that_is_a_dangling_link(folder: Path) -> None:
    (folder / MODEL).symlink_to(folder / "nowhere")


@case("cannot be read")
def model_that_is_a_loop_of_links(folder: Path) -> None:
    (folder / MODEL).symlink_to(folder / MODEL)


@case("cannot be read|does not exist")
def model_without_permission(folder: Path) -> list[str]:
    keras_file(folder)
    (folder / MODEL).chmod(0)
    # Root may read everything: there, a file that is not there stands in.
    return [MODEL if os.geteuid() else "nowhere.keras"]


@case("without config.json")
def config_missing(folder: Path) -> None:
    keras_file(folder, **{"config.json": None})


@case("model.weights.h5 is missing")
def weights_member_missing(folder: Path) -> None:
    keras_file(folder, **{"model.weights.h5": None})


@case("is not JSON")
def config_cut_off(folder: Path) -> None:
    keras_file(folder, json.dumps(model()).encode()[:-30])


@case("not a JSON object")
def config_that_is_a_list(folder: Path) -> None:
    keras_file(folder, b"[1, 2]")


@case("is not JSON")
def config_that_is_no_text(folder: Path) -> None:
    keras_file(folder, bytes(range(256)))


@case("describes no Keras model")
def config_of_nothing(folder: Path) -> None:
    sample(folder)
    keras_file(folder, b"{}")


@case("Keras could not build the model", loads=True)
def config_with_a_missing_layer(folder: Path) -> None:
    sample(folder)
    config = model()
    config["config"]["output_layers"] = [["nowhere", 0, 0]]
    keras_file(folder, config)


@case("m.keras", loads=True)
def config_with_a_class_that_is_a_list(folder: Path) -> None:
    config = model()
    config["config"]["layers"][1]["class_name"] = ["Dense"]
    keras_file(folder, config)


@case("written by Keras 2.15.0")
def config_of_keras_2(folder: Path) -> None:
    config = model()
    config["module"] = "keras.src.engine.functional"
    keras_file(folder, config, version="2.15.0")


@case("written by Keras 4.1.0")
def class_of_a_newer_keras(folder: Path) -> None:
    keras_file(folder, model(layer("HoloDense")), version="4.1.0")


@case("written by Keras 4.1.0, newer", loads=True)
def argument_of_a_newer_keras(folder: Path) -> None:
    keras_file(folder, model(layer(holographic=True)), version="4.1.0")


@case("tensorflow_addons")
def class_of_a_known_package(folder: Path) -> None:
    keras_file(folder, model(layer("GroupNorm", None, "Addons>GroupNorm")))


@case("pass --import mine.layers")
def class_of_the_user(folder: Path) -> None:
    keras_file(folder, model(layer("Own", "mine.layers", "mine>Own")))


@case("--import nowhere failed", loads=True)
def class_of_a_module_that_is_not_there(folder: Path) -> list[str]:
    keras_file(folder, model(layer("Own", "nowhere", "nowhere>Own")))
    return [MODEL, "--import", "nowhere"]


@case("pass --import", loads=True)
def class_that_the_import_does_not_bring(folder: Path) -> list[str]:
    (folder / "mine.py").write_text("# nothing\n")
    keras_file(folder, model(layer("Own", "mine", "mine>Own")))
    return [MODEL, "--import", "mine.py"]


@case(r"\\x1b")
def class_with_terminal_codes(folder: Path) -> None:
    keras_file(folder, model(layer("\x1b[31mRed", "a\x07b", "c\x1b]0;owned\x07>Red", name="\x1b[2J")))


@case(r"", status=0, loads=True)
def layer_with_terminal_codes(folder: Path) -> None:
    sample(folder)
    keras_file(folder, model(layer(name="d\x1b[2J"), compile_config={"loss": "mse"}))


@case("m.h5")
def hdf5_cut_off(folder: Path) -> list[str]:
    legacy(folder, {"class_name": "Dense", "config": {"name": "d", "units": 1}})
    (folder / "m.h5").write_bytes((folder / "m.h5").read_bytes()[:500])
    return ["m.h5"]


@case("holds no model")
def hdf5_without_a_model(folder: Path) -> list[str]:
    h5py.File(folder / "m.h5", "w").close()
    return ["m.h5"]


@case("weights only")
def hdf5_of_weights_only(folder: Path) -> list[str]:
    with h5py.File(folder / "m.h5", "w") as store:
        store.attrs["layer_names"] = np.array([b"d"])
    return ["m.h5"]


@case("is not JSON")
def hdf5_with_a_broken_config(folder: Path) -> list[str]:
    with h5py.File(folder / "m.h5", "w") as store:
        store.attrs["model_config"] = "{"
    return ["m.h5"]


@case("", status=0, loads=True)
def healthy(folder: Path) -> None:
    """The file that the others are made of."""
    sample(folder)
    keras_file(folder, model(compile_config={"loss": "mse"}))
