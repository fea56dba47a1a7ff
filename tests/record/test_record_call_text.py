"""The words of a line that takes values out of TensorFlow."""

from __future__ import annotations

import pytest

from gradlint import departures
from gradlint.record.call_text import leaving
from gradlint.source.operations import Stop, stop_of
from gradlint.source.values import Kind, Value


@pytest.fixture
def written(tmp_path):
    def call_in(line):
        path = tmp_path / "train.py"
        path.write_text(f"y = x\n{line}\n", encoding="utf-8")
        return leaving(str(path), 2)

    return call_in


@pytest.mark.parametrize("method", sorted(departures.METHODS))
def test_methods(method, written):
    assert written(f"z = f(y.{method}()) + 1") == f"y.{method}()"


@pytest.mark.parametrize("function", sorted(departures.FUNCTIONS))
def test_functions_by_their_last_name(function, written):
    call = f"{function.replace('tensorflow', 'tf')}(y)"
    assert written(f"z = g({call})") == call


@pytest.mark.parametrize("name", [*sorted(departures.NUMBERS), "np.mean", "scipy.special.erf", "math.sqrt"])
def test_numbers_and_libraries(name, written):
    assert written(f"z = g({name}(y))") == f"{name}(y)"


def test_nothing_leaves(written):
    assert written("z = g(tf.sqrt(y))") == ""


@pytest.mark.parametrize("name", sorted([*departures.FUNCTIONS, *(f"builtins.{name}" for name in departures.NUMBERS)]))
def test_the_reading_of_source_knows_the_same(name):
    assert stop_of(Value(Kind.CALL, None, None, 0, name=name)) is Stop.PYTHON
