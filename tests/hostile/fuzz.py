"""Mutates valid files and feeds them to preflight: whatever comes, the answer is a spec or one printable sentence.

    python tests/hostile/fuzz.py 10000

runs that many examples, in equal parts configurations, sample bytes and model bytes. `test_hostile.py` runs a few.
"""

from __future__ import annotations

import copy
import io
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parent))

from files import function, hdf5, keras_file, layer, legacy, marshalled, model

from gradlint.checking import check
from gradlint.errors import GradlintError
from gradlint.load.arrays import read_array_specs
from gradlint.load.limits import Limits
from gradlint.load.preflight import read_spec
from gradlint.load.sample import load_sample, synthesise
from gradlint.load.trust import refuse_unsafe

SEEDS = [
    model(),
    model(layer("LSTM", units=4), layer("Embedding", name="e", input_dim=5, output_dim=3)),
    model(layer("StringLookup", vocabulary=["a", "b"]), compile_config={"optimizer": "sgd", "loss": "mse"}),
    model(layer("Lambda", function=marshalled(Path("/nowhere")))),
    model(
        layer(
            activation=function("relu", "keras.activations"), kernel_initializer={"class_name": "Zeros", "config": {}}
        )
    ),
    {
        "class_name": "Sequential",
        "config": [{"class_name": "Dense", "config": {"units": 1, "batch_input_shape": [None, 3]}}],
    },
    model(
        {**model(), "name": "inner", "inbound_nodes": [[["x", 0, 0, {}]]]},
        build_config={"input_shape": {"a": [None, 3]}},
    ),
]
"""Configurations to start from."""
NATIVE_SECONDS = 20
LIMITS = Limits(memory=10**7, items=200)

WORDS = (
    "Dense", "Lambda", "__lambda__", "function", "keras", "keras.layers", "keras.src.layers", "builtins", "os",
    "__typespec__", "__keras_tensor__", "../x", "\x1b[2J", chr(0xD800), "mine>X", ">", ".", "keras.", "x", "x" * 300,
)  # fmt: skip
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(WORDS),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(
                ["class_name", "config", "module", "registered_name", "name", "layers", "vocabulary", "units"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=8,
)


def places(part: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything in a configuration."""
    found = [path]
    items = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for key, value in items:
        found += places(value, (*path, key))
    return found


@st.composite
def configurations(draw: st.DrawFn) -> Any:
    """A configuration with a few of its parts replaced, removed, doubled, or moved."""
    config = copy.deepcopy(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(places(config)))
        if not path:
            continue
        parent = config
        for key in path[:-1]:
            parent = parent[key]
        key = path[-1]
        match draw(st.sampled_from(["replace", "replace", "remove", "double", "move", "rename"])):
            case "replace":
                parent[key] = draw(values)
            case "remove":
                del parent[key]
            case "double" if isinstance(parent, list):
                parent.insert(key, copy.deepcopy(parent[key]))
            case "move":
                other = config
                for step in draw(st.sampled_from(places(config))):
                    other = other[step]
                parent[key] = copy.deepcopy(other)
            case "rename" if isinstance(parent, dict):
                parent[draw(st.text(max_size=5))] = parent.pop(key)
    return config


def _npz() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, a=np.ones((2, 3)), b=np.array(["x"]), c=np.zeros((), "int8"))
    return stream.getvalue()


def _packed() -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, a=np.ones((20, 30)), y=np.arange(7))
    return stream.getvalue()


def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="fuzz-"))


FOLDER = _folder()
keras_file(FOLDER, store=hdf5(lambda store: store.create_group("optimizer")))
MODELS = [(FOLDER / "m.keras").read_bytes(), (FOLDER / legacy(FOLDER, SEEDS[0]["config"]["layers"][1])[0]).read_bytes()]
SAMPLES = [_npz(), _packed()]
SAMPLE = {"x": np.ones((2, 4), "float32"), "y": np.ones((2, 1), "float32"), "z": np.array(["a", "b"])}


@st.composite
def damaged(draw: st.DrawFn, files: list[bytes]) -> bytes:
    """A file with bytes changed, cut out, doubled or swapped."""
    data = bytearray(draw(st.sampled_from(files)))
    for _ in range(draw(st.integers(1, 5))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        match draw(st.sampled_from(["byte", "byte", "byte", "cut", "end", "insert", "swap"])):
            case "byte" if data:
                data[place] = draw(st.integers(0, 255))
            case "cut":
                del data[place : place + draw(st.integers(1, 64))]
            case "end":
                del data[place:]
            case "insert":
                data[place:place] = draw(st.binary(max_size=32))
            case "swap":
                other = draw(st.integers(0, max(len(data) - 1, 0)))
                data[place : place + 8], data[other : other + 8] = data[other : other + 8], data[place : place + 8]
    return bytes(data)


def answer(job: Any) -> None:
    """Runs a job that may fail with one of gradlint's own errors only, in words that any terminal may see.

    The command line escapes what is not printable; only lone surrogates and the like could still hurt.
    """
    try:
        job()
    except GradlintError as error:
        said = str(error)
        said.encode("utf-8", "backslashreplace")
        if not said:
            raise AssertionError("an error without words") from error


def check_model(path: Path) -> None:
    spec, contents = read_spec(path, LIMITS)
    refuse_unsafe(path, contents, trust=False, has_imports=False, version=spec.keras_version)
    if spec.inputs:
        result = check(path, SAMPLE, depth="preflight", limits=LIMITS)
        assert not result.skipped, result.skipped
        synthesise(spec, 0, limits=LIMITS)


def check_config(config: Any) -> None:
    keras_file(FOLDER, json.dumps(config).encode())
    answer(lambda: check_model(FOLDER / "m.keras"))


NATIVE: Counter[str] = Counter()
"""How often the HDF5 library crashed or hung on damaged bytes: `--isolate` contains it, nothing here can mend it."""


def check_model_bytes(data: bytes) -> None:
    """In a process of its own: damaged HDF5 may take the library, and the process with it, down."""
    (FOLDER / "b.keras").write_bytes(data)
    child = os.fork()
    if child == 0:
        signal.alarm(NATIVE_SECONDS)
        try:
            answer(lambda: check_model(FOLDER / "b.keras"))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        NATIVE[name] += 1
        (FOLDER / f"{name}-{NATIVE[name]}").write_bytes(data)
    elif status:
        raise AssertionError("an uncaught exception; its traceback is above")


def check_sample_bytes(data: bytes) -> None:
    path = FOLDER / "s.npz"
    path.write_bytes(data)
    answer(lambda: read_array_specs(path, LIMITS))
    answer(lambda: load_sample(path, LIMITS))


def fuzz(number: int, *, models: bool) -> None:
    """Runs `number` examples of each kind; those of damaged models in processes of their own."""
    chosen = settings(
        max_examples=number,
        deadline=None,
        database=None,
        derandomize=number < 1000,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    chosen(given(configurations())(check_config))()
    chosen(given(damaged(SAMPLES))(check_sample_bytes))()
    if models:
        chosen(given(damaged(MODELS))(check_model_bytes))()


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    start = time.perf_counter()
    fuzz(-(-wanted // 3), models=True)
    print(f"{wanted:,} examples without an uncaught exception in {time.perf_counter() - start:.0f} s")
    ends = ", ".join(f"{name} {count}" for name, count in sorted(NATIVE.items())) or "none"
    print(f"ends in native code of HDF5 (SIGALRM: more than {NATIVE_SECONDS} s): {ends}; kept in {FOLDER}")
