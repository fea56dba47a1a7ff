"""From a file to a report, work grows in proportion to size: counted in lines and comparisons, not by a clock."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "hostile"))
from files import HISTORY, MODEL, keras_file, layer, model

from gradlint.checking import check, origins
from gradlint.checking.origins import Origins
from gradlint.finding import Finding, Severity
from gradlint.load import binding as binding_of
from gradlint.load.binding import bind
from gradlint.load.limits import Limits
from gradlint.load.sample import synthesise
from gradlint.load.spec import ArraySpec, InputSpec, LayerSpec, ModelSpec
from gradlint.passes.facts import Facts
from gradlint.report import FORMATS, json, markdown, sarif, text
from gradlint.report.text import Style

if TYPE_CHECKING:
    from collections.abc import Callable
SIZES = (100, 200, 400)
SMALL = (50, 100, 200)
MOST = 2.4
"""How much more work twice the size may be: two, and a logarithm."""


class Name(str):
    """A name that counts how often it is compared."""

    __slots__ = ()
    compared = 0

    def __eq__(self, other: object) -> bool:
        Name.compared += 1
        return str.__eq__(self, other)  # type: ignore[return-value]

    __hash__ = str.__hash__


def work(function: Callable[[], object]) -> int:
    """Lines run and names compared."""
    lines = 0

    def count(frame: Any, event: str, argument: object) -> Any:
        nonlocal lines
        lines += event == "line"
        return count

    Name.compared = 0
    before = sys.gettrace()
    sys.settrace(count)
    try:
        function()
    finally:
        sys.settrace(before)
    return lines + Name.compared


def names(word: str, size: int) -> list[str]:
    return [Name(f"{word}{number}") for number in range(size)]


def inputs(size: int, dtype: str = "float32") -> tuple[InputSpec, ...]:
    return tuple(InputSpec(name, name, (None, 3), dtype) for name in names("x", size))


def binding(size: int) -> Callable[[], object]:
    """Half of the inputs are in the sample, under names in another order, and as many keys are unexpected."""
    spec = ModelSpec("m", "Functional", inputs=inputs(size), outputs=tuple(names("o", size)),
                     output_layers=tuple(names("o", size)))  # fmt: skip
    keys = [*reversed(names("x", size)[::2]), *names("z", size), *(Name(f"y:o{number}") for number in range(size))]
    arrays = [ArraySpec(key, (4, 3), "float32") for key in keys]
    return lambda: bind(spec, arrays)


def chain(size: int) -> ModelSpec:
    """Every input goes through layers of its own, then through all of the chain, to embeddings along it."""
    layers, previous = [], ""
    for number, name in enumerate(names("x", size)):
        path = Name(f"d{number}")
        before = (name, previous) if previous else (name,)
        kind, config = ("Embedding", {"input_dim": 3 + number % 7}) if number % 3 == 0 else ("Reshape", {})
        layers.append(LayerSpec(path, path, kind, "keras.layers", None, before, config))
        previous = path
    return ModelSpec("m", "Functional", inputs=inputs(size, "int32"), layers=tuple(layers))


def made_up(size: int) -> Callable[[], object]:
    spec = chain(size)
    return lambda: synthesise(spec, 0, limits=Limits())


def placing(size: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """A finding for each key, and a module that writes all of them out."""
    keys = names("k", size)
    text = "x = {" + ", ".join(f"{str(key)!r}: 1" for key in keys) + "}\n"
    source = origins.Source("user.py", origins.ast.parse(text))
    searched = []

    def loaded(wanted: object) -> list[origins.Source]:
        searched.append(wanted)
        return [source]

    monkeypatch.setattr(origins, "loaded", loaded)
    facts = Facts(spec=chain(size), arrays=tuple(ArraySpec(key, (4, 3), "float32") for key in keys))
    found = [Finding("GL402", "unexpected-input", Severity.WARNING, "Extra.", (key,)) for key in keys]

    def place() -> None:
        where = Origins(facts)
        placed = [where.place(finding, origins.SAMPLE) for finding in found]
        assert all((finding.cause.file, finding.cause.line) == ("user.py", 1) for finding in placed)
        assert len(searched) == 1
        searched.clear()

    return place


@pytest.mark.parametrize("kind", ["binding", "made up", "placing"])
def test_twice_the_size_is_twice_the_work(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    makers = {"binding": binding, "made up": made_up, "placing": lambda size: placing(size, monkeypatch)}
    done = [makers[kind](size) for size in SIZES[:1]]
    done[0]()  # imports, caches
    counts = []
    for size in SIZES:
        function = makers[kind](size)
        counts.append(work(function))
    assert counts[1] < MOST * counts[0], counts
    assert counts[2] < MOST * counts[1], counts


def wrong_keys(folder: Path, size: int) -> tuple[str, dict[str, Any]]:
    """A model file and a sample, with as many keys missing as there are that nothing takes."""
    config = model(layer("Concatenate", name="d"))
    inner = config["config"]
    first, last = inner["layers"]
    keys = [f"k{number}" for number in range(size)]
    tensors = [{**HISTORY, "config": {**HISTORY["config"], "keras_history": [key, 0, 0]}} for key in keys]
    inner["layers"] = [{**first, "name": key, "config": {**first["config"], "name": key}} for key in keys]
    inner["layers"].append({**last, "inbound_nodes": [{"args": [tensors], "kwargs": {}}]})
    inner["input_layers"] = [[key, 0, 0] for key in keys]
    keras_file(folder, config)
    return str(folder / MODEL), {f"spare value {number}": np.ones((4, 4), "float32") for number in range(size)}


def test_a_check_of_wrong_keys_grows_in_proportion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the files to every report."""
    # As far beyond the bounds as thousands of keys are.
    monkeypatch.setattr(binding_of, "MOST_COMPARED", 100)
    monkeypatch.setattr(json, "MOST_NAMES", 100)
    for module in (text, markdown, sarif):
        monkeypatch.setattr(module, "MOST_COMPARED", 50)
    grown: dict[str, list[int]] = {}
    for size in (5, *SMALL):  # the first for imports
        given = wrong_keys(tmp_path, size)
        result = check(*given, depth="preflight")
        assert [finding.code for finding in result.findings] == ["GL401"] * size + ["GL402"] * size
        counts = {"check": work(partial(check, *given, depth="preflight"))}
        for name, render in FORMATS.items():
            counts[name] = work(partial(render, result, Style()))
            counts[f"{name}, characters"] = len(render(result, Style()))
        for name, count in counts.items():
            grown.setdefault(name, []).append(count)
    for name, (_, first, second, third) in grown.items():
        assert second < MOST * first, (name, grown[name])
        assert third < MOST * second, (name, grown[name])


def test_ids_stay_below_the_smallest_vocabulary_downstream() -> None:
    sample = synthesise(chain(6), 0)
    assert all(array.max() < 3 for key, array in sample.items() if key == "x0")
    assert sample["x5"].max() < 8
