"""What hostile files take, measured as the peak of a process, against what reading an innocent one takes.

Every limit in docs/security.md has its file here. `run_all.py` measures the other cases the same way.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from files import MODEL, Case, hdf5, keras_file, layer, model, sample
from representatives import representatives
from run_all import run

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="peaks are compared in bytes of Linux")
MORE = 150 * 2**20
"""Bytes above the peak of an innocent file that a refusal may take."""


def packed(folder: Path, method: int) -> list[str]:
    """A member that claims little and holds 500 MB of zeros."""
    keras_file(folder)
    sample(folder)
    with zipfile.ZipFile(folder / MODEL) as archive:
        others = {name: archive.read(name) for name in archive.namelist() if name != "metadata.json"}
    with zipfile.ZipFile(folder / MODEL, "w", method) as archive:
        for name, content in others.items():
            archive.writestr(name, content, zipfile.ZIP_STORED)
        with archive.open("metadata.json", "w") as stream:
            for _ in range(500):
                stream.write(bytes(10**6))
    data = bytearray((folder / MODEL).read_bytes())
    place = data.rindex(b"PK\x01\x02")
    while b"metadata.json" not in data[place : place + 80]:
        place = data.rindex(b"PK\x01\x02", 0, place)
    data[place + 24 : place + 28] = (1000).to_bytes(4, "little")
    (folder / MODEL).write_bytes(data)
    return [MODEL, "s.npz"]


def long_name(folder: Path) -> list[str]:
    """A name of a megabyte around nine thousand layers."""
    import json

    inner = [layer(name=f"d{number}") for number in range(9_000)]
    outer = layer("Functional", "keras.src.models.functional", name="n" * 2**20, layers=inner)
    keras_file(folder, json.dumps(model(outer)).encode())
    sample(folder)
    return [MODEL, "s.npz"]


def long_key(folder: Path) -> list[str]:
    """An input's key of a megabyte around nine thousand inputs."""
    import json

    config = model()
    config["config"]["input_layers"] = {"k" * 2**20: {str(number): ["x", 0, 0] for number in range(9_000)}}
    keras_file(folder, json.dumps(config).encode())
    sample(folder)
    return [MODEL, "s.npz"]


def long_groups(folder: Path) -> list[str]:
    """HDF5 groups with long names in one another, and thousands of data sets at the end."""

    def fill(store: Any) -> None:
        group = store
        for _ in range(20):
            group = group.create_group("g" * 60_000)
        for number in range(5_000):
            group.create_group(str(number))

    keras_file(folder, store=hdf5(fill))
    sample(folder)
    return [MODEL, "s.npz"]


def large_chunk(folder: Path) -> list[str]:
    """Sixteen bytes in a chunk of a gigabyte."""

    def fill(store: Any) -> None:
        store.create_dataset(
            "layers/other/vars/0", (4, 1), "f4", maxshape=(None, 1), chunks=(2**28 - 1, 1), compression="gzip"
        )

    keras_file(folder, store=hdf5(fill))
    sample(folder)
    return [MODEL, "s.npz"]


def large_sample(folder: Path) -> list[str]:
    """A compressed sample of half a gigabyte of zeros, with the limit on memory at a quarter."""
    keras_file(folder)
    with (
        zipfile.ZipFile(folder / "s.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x.npy", "w", force_zip64=True) as stream,
    ):
        np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": (2**25, 4)})
        for _ in range(2**9):
            stream.write(bytes(2**20))
    return [MODEL, "s.npz", "--limit", "memory=250MB", "--limit", "ratio=2000"]


def innocent(folder: Path) -> list[str]:
    keras_file(folder)
    sample(folder)
    return [MODEL, "s.npz", "--depth", "preflight"]


ATTACKS: list[tuple[Callable[..., list[str]], str]] = [
    (lambda folder: packed(folder, zipfile.ZIP_BZIP2), "compressed by method 12"),
    (lambda folder: packed(folder, zipfile.ZIP_LZMA), "compressed by method 14"),
    (lambda folder: packed(folder, zipfile.ZIP_DEFLATED), "metadata.json"),
    (long_name, "names on the way to a layer or an input have"),
    (long_key, "names on the way to a layer or an input have"),
    (long_groups, "has names of"),
    (large_chunk, "in chunks of"),
    (large_sample, "expanded, the archive takes"),
]
NAMES = ["bz2", "lzma", "deflate", "layer name", "input key", "group names", "chunk", "sample"]


@pytest.fixture(scope="module")
def usual() -> int:
    return run(Case("innocent", innocent, "", 0)).memory


@pytest.mark.parametrize(("make", "words"), ATTACKS, ids=NAMES)
def test_a_refusal_takes_no_memory(make: Callable[..., list[str]], words: str, usual: int) -> None:
    ran = run(Case("attack", make, words))
    assert [fault for fault in ran.faults() if fault != "time"] == [], ran.err[:2000]
    assert len(ran.err.splitlines()) == 1
    assert len(ran.err) < 2_000
    assert ran.memory < usual + MORE, f"{ran.memory:,} against {usual:,} bytes"


def recurrent(kind: str, folder: Path) -> list[str]:
    """A small file whose steps take gigabytes: 8,000 of them, each with the gradient of all weights."""
    import keras

    x = keras.Input((8000, 1), name="x")
    if kind == "mapped":
        mapped = keras.Sequential([keras.layers.Dense(8192), keras.layers.Dense(1)])
        inner = keras.layers.TimeDistributed(mapped)
    else:
        inner = keras.layers.LSTM(256)
    if kind == "both ways":
        inner = keras.layers.Bidirectional(inner)
    made = keras.Model(x, keras.layers.Dense(1)(inner(x)))
    made.compile(loss="mse")
    made.save(folder / MODEL)
    return [MODEL, "--limit", "memory=1.5GB"]


@pytest.mark.parametrize("kind", ["one way", pytest.param("both ways", marks=pytest.mark.exhaustive), "mapped"])
def test_the_steps_of_a_loop_are_counted_before_they_run(kind: str) -> None:
    ran = run(Case("loop", lambda folder: recurrent(kind, folder), "the steps of its loops .* take at least"))
    assert [fault for fault in ran.faults() if fault not in ("time", "memory")] == [], ran.err
    assert ran.memory < 1.5e9  # of which TensorFlow takes 0.6


WITHIN: dict[str, tuple[tuple[int, ...], Callable[[Any, Any], Any]]] = {
    "attention": ((2000, 8), lambda keras, x: keras.layers.MultiHeadAttention(8, 1)(x, x)),
    "additive attention": ((1500, 32), lambda keras, x: keras.layers.AdditiveAttention()([x, x])),
    "separable": ((300, 300, 1), lambda keras, x: keras.layers.SeparableConv2D(1, 1, depth_multiplier=1500)(x)),
    "regularizer": (
        (20_000,),
        lambda keras, x: keras.layers.Dense(1, kernel_regularizer=keras.regularizers.OrthogonalRegularizer())(x),
    ),
    "penalty of an output": (
        (4,),
        lambda keras, x: keras.layers.Dense(
            20_000, activity_regularizer=keras.regularizers.OrthogonalRegularizer(mode="columns")
        )(x),
    ),
    "spectrogram": ((9**5,), lambda keras, x: keras.layers.MelSpectrogram(fft_length=8192, sequence_stride=8)(x)),
}


def part(kind: str) -> str:
    """Which part of a model makes it."""
    return "penalty" if kind in ("regularizer", "penalty of an output") else "layer"


@pytest.mark.parametrize("kind", representatives(WITHIN, part))
def test_what_a_layer_makes_and_does_not_pass_on_is_counted_before_it_runs(kind: str) -> None:
    def make(folder: Path) -> list[str]:
        import keras

        shape, apply = WITHIN[kind]
        x = keras.Input(shape)
        keras.Model(x, apply(keras, x)).save(folder / MODEL)
        assert (folder / MODEL).stat().st_size < 500_000
        return [MODEL, "--limit", "memory=700MB"]

    ran = run(Case("within", make, "what its layers make besides .* takes at least"))
    assert [fault for fault in ran.faults() if fault not in ("time", "memory")] == [], ran.err
    assert ran.memory < 1.2e9  # of which TensorFlow takes 0.6


OWN = """
import keras

@keras.saving.register_keras_serializable("mine")
class Loop(keras.layers.Layer):
    def __init__(self, steps, **more):
        super().__init__(**more)
        self.steps = steps

    def build(self, shape):
        self.rate = self.add_weight(shape=(1,))

    def call(self, x):
        for _ in range(self.steps):
            x = keras.ops.sin(x) * self.rate
        return x[:, :1]

    def get_config(self):
        return {**super().get_config(), "steps": self.steps}
"""


def own_loop(folder: Path) -> list[str]:
    """A class of the user's, whose number of steps the file chooses: 3 GB in all."""
    (folder / "mine.py").write_text(OWN)
    entry = layer("Loop", "mine", "mine>Loop", name="loop", steps=500)
    entry["build_config"] = {"input_shape": [None, 100_000]}
    entry["inbound_nodes"][0]["args"][0]["config"]["shape"] = [None, 100_000]
    keras_file(folder, model(entry, width=100_000), hdf5(_rate))
    sample(folder, x=np.ones((8, 100_000), "float32"))
    return [MODEL, "s.npz", "--import", "mine.py", "--limit", "memory=600MB", "--no-isolate"]


def _rate(store: Any) -> None:
    del store["layers/dense"]
    store["layers/loop/vars/0"] = np.ones(1, "float32")


def test_what_a_layer_of_the_users_makes_is_counted_while_it_runs() -> None:
    words = r"what the model makes in layer 'loop' \(.*mine.py:\d+\) takes more than 300.0 MB"
    ran = run(Case("own", own_loop, words))
    assert [fault for fault in ran.faults() if fault not in ("time", "memory")] == [], ran.err
    assert ran.memory < 1.2e9  # of which TensorFlow takes 0.6
