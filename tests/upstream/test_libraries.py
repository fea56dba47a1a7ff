"""Whose code a line belongs to does not depend on where a library was installed."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import attrs
import pytest
import tensorflow as tf

from gradlint.finding import Cause
from gradlint.upstream.libraries import (
    file_of,
    is_library_file,
    is_own_file,
    is_rewritten,
    is_stand_in,
    is_tensorflow_file,
)


class Raises:
    """As lazy modules are: every access imports something, which may fail."""

    def __getattr__(self, name):
        raise RuntimeError(f"cannot import what {name} needs")


def test_installed_packages_and_the_standard_library_are_libraries():
    import networkx
    import numpy as np

    for module in (json, os, pytest, np, networkx):
        assert is_library_file(module.__file__)
    assert is_library_file("<frozen importlib._bootstrap>")
    assert is_library_file("h5py/_objects.pyx")


def test_the_users_code_is_not(tmp_path):
    assert not is_library_file(__file__)
    assert not is_library_file(str(tmp_path / "model.py"))
    assert not is_library_file(str(tmp_path / "site-packages-of-mine" / "model.py"))


@pytest.mark.parametrize("name", ["<stdin>", "<python-input-0>", "<ipython-input-1-abc>", "<doctest a[0]>", "<string>"])
def test_what_is_typed_is_the_users_and_in_no_file(name):
    assert not is_library_file(name)
    assert not Cause(file=name).is_in_file
    assert Cause(file="model.py").is_in_file
    assert not Cause().is_in_file


def test_what_a_library_makes_as_it_runs_is_nobodys_line():
    """An `attrs` class of the user's calls what makes its defaults from a function that `attrs` has written."""
    made = attrs.make_class("Parts", {"layers": attrs.field(factory=list)})
    names = {function.__code__.co_filename for function in vars(made).values() if hasattr(function, "__code__")}
    assert any(name.startswith("<attrs") for name in names)
    assert all(is_library_file(name) for name in names)


def test_autograph_is_known_by_the_file_that_it_writes():
    files = set()

    def note():
        frame = inspect.currentframe()
        while frame is not None:
            files.add(frame.f_code.co_filename)
            frame = frame.f_back

    @tf.function
    def step(x):
        note()
        return x

    step(1.0)
    assert any(is_rewritten(file) for file in files)
    assert not is_rewritten(__file__)


def test_tensorflows_own_tapes_are_known_by_where_it_is(tmp_path):
    """A project may lie in a folder of the same name, and a file of the user's be called `contextlib_of_mine.py`."""
    from gradlint.upstream import steps

    assert is_tensorflow_file(tf.GradientTape.__init__.__code__.co_filename)
    assert not is_tensorflow_file(str(tmp_path / "tensorflow" / "python" / "train.py"))
    found = {}
    for name in ("tensorflow/python/train.py", "contextlib_of_mine.py"):
        exec(compile("def opens(ask): return ask()", str(tmp_path / name), "exec"), found)
        assert not found["opens"](steps._is_of_tensorflow)


def test_a_folder_called_site_packages_is_nothing_special(tmp_path):
    """A project may lie below any folder."""
    assert not is_library_file(str(tmp_path / "site-packages" / "project" / "model.py"))


def test_a_package_of_the_list_is_a_library_wherever_it_comes_from(tmp_path, monkeypatch):
    module = types.ModuleType("keras_hub")
    module.__file__ = str(tmp_path / "vendored" / "keras_hub" / "__init__.py")
    inside = str(tmp_path / "vendored" / "keras_hub" / "src" / "layers.py")
    monkeypatch.delitem(sys.modules, "keras_hub", raising=False)
    assert not is_library_file(inside)
    monkeypatch.setitem(sys.modules, "keras_hub", module)
    assert is_library_file(inside)
    assert not is_library_file(str(tmp_path / "vendored" / "model.py"))
    assert not is_library_file(str(tmp_path / "vendored" / "keras_hub_of_mine.py"))


def test_gradlints_own_files():
    from gradlint import errors
    from gradlint.upstream import names

    assert is_own_file(errors.__file__)
    assert not is_stand_in(errors.__file__)
    assert is_stand_in(names.__file__)
    assert not is_own_file(__file__)


def test_a_module_tells_its_file_or_none():
    path = types.SimpleNamespace(__file__=Path("/somewhere/module.py"))
    assert file_of(path) == os.path.join(os.sep, "somewhere", "module.py")
    assert file_of(types.SimpleNamespace(__file__=b"/a.py")) == "/a.py"
    for odd in (Raises(), None, types.SimpleNamespace(__file__=3), types.ModuleType("builtin")):
        assert file_of(odd) is None


@pytest.mark.parametrize("make", [Raises, lambda: types.SimpleNamespace(__file__=Path("/no/where.py"))])
def test_odd_modules_do_not_end_a_check(make, monkeypatch):
    from gradlint.checking.loaded import loaded
    from gradlint.project.cache import _own_modules

    monkeypatch.setitem(sys.modules, "odd_module", make())
    assert isinstance(loaded(["Dense"]), list)
    assert Path(__file__) in list(_own_modules())


PROGRAM = """
import sys, json
import keras, numpy as np
import gradlint
from mine import build
draw = np.random.default_rng(0)
sample = {"x": draw.normal(size=(4, 3)).astype("float32"), "y": draw.normal(size=(4, 1)).astype("float32")}
result = gradlint.check(build(), sample, select=["GL1"])
print("found", json.dumps([[f.code, f.cause.file, f.cause.line] for f in result.findings]), keras.__file__)
"""
MINE = """
import keras
def build():
    x = keras.Input((3,), name="x")
    hidden = keras.layers.Dense(4, name="hidden")(x)
    model = keras.Model({"x": x}, keras.layers.Dense(1, name="y")(keras.layers.Lambda(rounded, name="cut")(hidden)))
    model.compile(loss="mse")
    return model
def rounded(value):
    return keras.ops.round(value)
"""


def test_with_keras_in_a_folder_of_its_own_the_cause_is_still_the_users_line(tmp_path):
    """As `pip install --target`, or a checkout on the path, leaves it."""
    pytest.importorskip("keras")
    import keras

    (tmp_path / "target").mkdir()
    # A copy: through a link its files would still be below site-packages.
    import shutil

    source = Path(keras.__file__).parent
    shutil.copytree(source, tmp_path / "target" / "keras", ignore=shutil.ignore_patterns("__pycache__", "*_test.py"))
    (tmp_path / "mine.py").write_text(MINE)
    path = os.pathsep.join([str(tmp_path / "target"), str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    found, _, used = run.stdout.rpartition("found ")[2].rpartition(" ")
    assert used.startswith(str(tmp_path / "target"))
    line = MINE.splitlines().index("    return keras.ops.round(value)") + 1
    assert json.loads(found) == [["GL103", str(tmp_path / "mine.py"), line]]
