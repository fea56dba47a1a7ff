"""Every rented name is in the table, and one that a library has moved is a sentence and not an ImportError."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")
from keras import layers  # noqa: E402

import gradlint  # noqa: E402
from gradlint import upstream  # noqa: E402
from gradlint.cli import main  # noqa: E402
from gradlint.errors import UnknownVersionError  # noqa: E402
from gradlint.upstream import names  # noqa: E402
from gradlint.upstream.names import RENTED, Feature  # noqa: E402

ROOM = Path(upstream.__file__).parent
FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture
def without(monkeypatch):
    """Let the installed libraries lack some names of the table."""
    looked_up = names._looked_up

    def hide(*hidden):
        places = {place for rented in RENTED if rented.name in hidden for place in rented.places}
        monkeypatch.setattr(names, "_looked_up", lambda place: None if place in places else looked_up(place))
        names.place_of.cache_clear()
        names.missing.cache_clear()

    yield hide
    monkeypatch.undo()
    names.place_of.cache_clear()
    names.missing.cache_clear()


def sample():
    return {"x": np.random.default_rng(0).normal(size=(8, 4)).astype("float32"), "y": np.zeros((8, 1), "float32")}


def model_with(layer=None):
    x = keras.Input((4,), name="x")
    hidden = layers.Dense(3, name="hidden")(x)
    model = keras.Model({"x": x}, layers.Dense(1, name="y")(hidden if layer is None else layer(hidden)))
    model.compile(loss="mse")
    return model


def test_the_installed_libraries_have_every_name():
    assert [rented.name for rented in RENTED if not names.is_found(rented.name)] == []


def test_every_name_of_the_table_is_used_and_every_name_used_is_in_it():
    text = "".join(path.read_text() for path in ROOM.glob("*.py") if path.name != "names.py")
    used = re.findall(r'(?:value_of|place_of|replaced|is_found)\(\s*"([^"]+)"', text)
    used += re.findall(r'member\([^"]*?"([^"]+)"', text)
    assert set(used) == {rented.name for rented in RENTED}


def test_nothing_of_this_package_names_private_parts_elsewhere():
    """The linter does not see names in strings, and this room itself goes by its table."""
    for path in Path(gradlint.__file__).parent.rglob("*.py"):
        text = path.read_text()
        assert not re.search(r"^\s*(from|import) (keras\.src|tensorflow\.python)", text, re.MULTILINE), path
        assert ROOM in path.parents or not re.search(r'(get|has)attr\([^()]*, "_[a-z]', text), path


ALLOWED = {
    "_getframe": "Python's",
    "_implementation": "NumPy's",
    "_storage": "of the lists of TensorFlow that have it",
    "_type_spec": "of the values of TensorFlow that have it",
    "_seed": "of the table",
    "_rng": "there once somebody drew",
}


def test_this_room_takes_private_parts_from_its_table():
    found = []
    for path in ROOM.glob("*.py"):
        tree = ast.parse(path.read_text())
        nodes = list(ast.walk(tree))
        own = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
        own |= {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
        for node in nodes:
            attribute = node.attr if isinstance(node, ast.Attribute) else ""
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("getattr", "hasattr"):
                attribute = str(getattr(node.args[1], "value", ""))
            is_own = attribute in own and getattr(getattr(node, "value", None), "id", "") == "self"
            if re.match("_[a-z]", attribute) and not is_own and attribute not in ALLOWED:
                found.append(f"{path.name}:{node.lineno} {attribute}")
    assert found == []


NEEDED = [rented for rented in RENTED if rented.feature is Feature.CHECK and "<" not in rented.places[0]]


@pytest.mark.parametrize("rented", NEEDED, ids=[rented.name for rented in NEEDED])
def test_what_every_check_needs_is_a_sentence(rented, without):
    without(rented.name)
    with pytest.raises(UnknownVersionError) as caught:
        gradlint.check(model_with(), sample())
    library, version = ("Keras", keras.__version__) if rented.places[0].startswith("keras") else ("TensorFlow", "")
    release = ".".join(version.split(".")[:2])
    message = str(caught.value)
    assert message.startswith(f"gradlint {gradlint.__version__} does not know {library} {version}")
    assert f"use {library.lower()}<{release}" in message
    assert "or a newer gradlint" in message


def test_the_command_line_ends_with_the_sentence_and_2(without, capsys):
    without("current_path")
    model, sample = str(FIXTURES / "two_towers.keras"), str(FIXTURES / "two_towers.npz")
    status = main([model, sample, "--import", str(FIXTURES / "layers.py"), "--no-cache"])  # another test may have asked
    assert status == 2
    error = capsys.readouterr().err
    assert f"does not know Keras {keras.__version__}" in error
    assert "Traceback" not in error
    assert "internal error" not in error


def test_a_rule_that_alone_needs_a_name_is_skipped_and_says_so(without):
    without("py_func_common")
    result = gradlint.check(model_with(), sample())
    assert [rule.code for rule in result.skipped] == ["GL105"]
    assert "does not know TensorFlow" in result.skipped[0].reason
    assert result.ok


def test_a_depth_that_alone_needs_a_name_says_so_and_the_other_does_not_mind(without):
    without("cond")
    assert gradlint.check(model_with(), sample()).ok
    with pytest.raises(UnknownVersionError, match="builds both branches"):
        gradlint.check(model_with(), sample(), depth="structure")


def test_a_name_is_found_at_its_second_place(monkeypatch, without):
    moved = names.Rented("moved", ("keras.src.nowhere:Trainer", "keras:Model"), "shows", "Keras 3.12")
    monkeypatch.setitem(names._BY_NAME, "moved", moved)
    without()
    assert names.value_of("moved") is keras.Model


def test_a_member_that_is_gone_is_a_sentence():
    with pytest.raises(UnknownVersionError, match="does not know Keras"):
        names.member(object(), "own variables")
    assert names.member(object(), "own variables", None) is None


def test_debug_tells_which_names_were_found(without, capsys):
    without("cond")
    assert main(["--version", "--debug"]) == 0
    said = capsys.readouterr().out
    assert f"Keras {keras.__version__}" in said
    assert f"{len(RENTED) - 1} of {len(RENTED)} private names found" in said
    assert "missing: cond, builds both branches (since TensorFlow 2.18); without: --depth structure" in said
    assert "found: current_path at keras.src.backend.common.name_scope:current_path" in said


def test_looking_at_versions_leaves_the_names_of_layers_alone():
    keras.utils.clear_session()
    gradlint.check(model_with(), sample())
    names.require_known_versions()
    assert layers.Dropout(0.1).name == "dropout"
