"""From a file to a report, work grows in proportion to size: counted in lines and comparisons, not by a clock."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from gradlint.checking import origins
from gradlint.checking.origins import Origins
from gradlint.finding import Finding, Severity
from gradlint.load.binding import bind
from gradlint.load.limits import Limits
from gradlint.load.sample import synthesise
from gradlint.load.spec import ArraySpec, InputSpec, LayerSpec, ModelSpec
from gradlint.passes.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES = (100, 200, 400)
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


def test_ids_stay_below_the_smallest_vocabulary_downstream() -> None:
    sample = synthesise(chain(6), 0)
    assert all(array.max() < 3 for key, array in sample.items() if key == "x0")
    assert sample["x5"].max() < 8
