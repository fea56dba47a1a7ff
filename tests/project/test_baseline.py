"""Known findings: which finding is the same one, what is gone, and the file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlint.errors import UsageError
from gradlint.finding import Cause, Finding, Severity
from gradlint.project.baseline import baseline_text, compare, identities, read_baseline
from gradlint.result import GradientState, LateGraph, Result, VariableStatus

if TYPE_CHECKING:
    from pathlib import Path


def result(*findings: Finding, layers: tuple[str, ...] = (), rules: tuple[str, ...] = ("GL103", "GL202")) -> Result:
    graph: nx.DiGraph[object] = nx.DiGraph()
    for number, layer in enumerate(layers):
        graph.add_node(("op", number), layer=layer)
    variables = tuple(
        VariableStatus(f"{layer}/kernel", (1,), "float32", True, GradientState.FINITE) for layer in layers
    )
    return Result("m", "m", "s", "mse", "values", findings, variables=variables, rules=rules, drawn=LateGraph.of(graph))


def finding(layer: str | None = None, op: str = "ArgMax", code: str = "GL103", **parts: object) -> Finding:
    file, line = parts.pop("file", None), parts.pop("line", None)
    return Finding(code, "name", Severity.ERROR, "A message.", cause=Cause(layer, op, file, line), **parts)


def new_and_gone(before: Result, now: Result) -> tuple[int, int]:
    left, gone = compare(now, identities(now), identities(before).findings, "known.json")
    return len(left.findings), len(gone)


LAYERS = ("dense", "dense_1", "dense_2", "head")


def test_the_same_is_known() -> None:
    before = result(finding("dense_1"), finding("dense_2"), layers=LAYERS)
    assert new_and_gone(before, before) == (0, 0)
    left, _ = compare(before, identities(before), identities(before).findings, "known.json")
    assert left.notes == ("2 findings known from known.json",)
    assert left.ok


@pytest.mark.parametrize(
    "now",
    [
        finding("dense_2"),
        finding("dense_1", op="Round"),
        finding("dense_1", code="GL202"),
        finding("dense_1", inputs=("a",)),
        finding("head"),
        finding(None),
    ],
)
def test_another_layer_operation_rule_or_input_is_new(now: Finding) -> None:
    assert new_and_gone(result(finding("dense_1"), layers=LAYERS), result(now, layers=LAYERS)) == (1, 1)


def test_a_second_one_like_it_is_new() -> None:
    assert new_and_gone(result(finding("head")), result(finding("head"), finding("head"))) == (1, 0)


@pytest.mark.parametrize(
    ("old_layer", "old", "layer", "now"),
    [
        # The process has built other models before: all numbers are higher by three.
        ("dense_1", LAYERS, "dense_4", ("dense_3", "dense_4", "dense_5", "head")),
        ("model/dense", ("model/dense",), "model_1/dense_7", ("model_1/dense_7",)),
        ("dense_9", ("dense_9", "dense_10"), "dense_10", ("dense_10", "dense_11")),
        # Layers without variables are numbered as well.
        ("lambda_2", ("lambda", "lambda_2"), "lambda_3", ("lambda_1", "lambda_3")),
        # One more layer of the kind, before and behind.
        ("dense_1", LAYERS, "dense_2", ("dense", "dense_1", "dense_2", "dense_3", "head")),
        ("dense_1", LAYERS, "dense_1", ("dense", "dense_1", "dense_2", "dense_3", "head")),
        ("dense", ("dense",), "dense", ("dense", "dense_1")),
    ],
)
def test_renumbered_layers(old_layer: str, old: tuple[str, ...], layer: str, now: tuple[str, ...]) -> None:
    before = result(finding(old_layer, variables=(f"{old_layer}/kernel",)), layers=old)
    assert new_and_gone(before, result(finding(layer, variables=(f"{layer}/kernel",)), layers=now)) == (0, 0)


def test_towers_that_differ_by_their_number_are_not_mixed_up() -> None:
    towers = ("tower_1", "tower_2")
    before = result(finding("tower_1"), layers=towers)
    assert new_and_gone(before, result(finding("tower_2"), layers=towers)) == (1, 1)


def test_a_victim_more_or_less_is_the_same_cause() -> None:
    before = result(finding("head", variables=("a/kernel", "a/bias")))
    assert new_and_gone(before, result(finding("head", variables=("a/kernel",)))) == (0, 0)
    without_place = result(finding(None, variables=("a/kernel", "a/bias")))
    assert new_and_gone(without_place, result(finding(None, variables=("b/kernel",)))) == (1, 1)


class TestSourceLines:
    def model(self, tmp_path: Path, text: str, line: int, layer: str, layers: tuple[str, ...]) -> tuple[Result, object]:
        file = tmp_path / "model.py"
        file.write_text(text)
        made = result(finding(layer, file=str(file), line=line), layers=layers)
        return made, identities(made)

    @pytest.mark.parametrize(
        ("layer", "layers", "expected"),
        [
            ("coder", ("coder",), (0, 0)),  # the line has moved
            ("quantizer", ("quantizer",), (0, 0)),  # and the layer has another name
            ("quantizer", ("coder", "quantizer"), (1, 1)),  # another layer with the same line
        ],
    )
    def test_a_moved_line(self, tmp_path: Path, layer: str, layers: tuple[str, ...], expected: tuple[int, int]) -> None:
        _, known = self.model(tmp_path, "x = argmax(y)\n", 1, "coder", ("coder",))
        now, found = self.model(tmp_path, "import a\n\n\n  x = argmax(y)\n", 4, layer, layers)
        left, gone = compare(now, found, known.findings, "known.json")
        assert (len(left.findings), len(gone)) == expected

    def test_another_line_in_a_renamed_layer_is_new(self, tmp_path: Path) -> None:
        _, known = self.model(tmp_path, "x = argmax(y)\n", 1, "coder", ("coder",))
        now, found = self.model(tmp_path, "x = argmax(z)\n", 1, "quantizer", ("quantizer",))
        left, gone = compare(now, found, known.findings, "known.json")
        assert (len(left.findings), len(gone)) == (1, 1)


@pytest.mark.parametrize(
    "now", [result(rules=("GL202",)), replace(result(), depth="preflight")], ids=["not asked for", "did not run"]
)
def test_what_could_not_be_found_is_not_gone(now: Result) -> None:
    assert new_and_gone(result(finding("head")), now) == (0, 0)


@given(st.permutations([finding(f"dense_{number}") for number in range(4)]), st.integers(0, 9))
def test_neither_the_order_nor_the_first_number_counts(findings: list[Finding], shift: int) -> None:
    before = result(*(finding(f"dense_{number}") for number in range(4)), layers=tuple(f"dense_{n}" for n in range(4)))
    moved = [
        replace(one, cause=Cause(f"dense_{int(one.cause.layer[6:]) + shift}", "ArgMax"))
        for one in findings
        if one.cause.layer
    ]
    now = result(*moved, layers=tuple(f"dense_{n + shift}" for n in range(4)))
    assert new_and_gone(before, now) == (0, 0)


class TestFile:
    def test_it_survives_the_file(self, tmp_path: Path) -> None:
        known = identities(result(finding("größe/dense_1", inputs=("b", "a")), finding(None), layers=LAYERS)).findings
        file = tmp_path / "known.json"
        file.write_text(baseline_text({"z": known, "a": known[:1], "clean": ()}), encoding="utf-8")
        again = read_baseline(file)
        assert list(again) == ["a", "z"]
        assert sorted(again["z"], key=str) == sorted(known, key=str)
        assert baseline_text(again) == file.read_text(encoding="utf-8")

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (None, "there is no baseline"),
            (b"{", "cannot be read"),
            (b"\xff", "cannot be read"),
            (b"[]", "is no baseline of schema 1"),
            (b'{"schema": 2}', "is no baseline of schema 1"),
            (b'{"schema": 1}', "is broken: 'targets' is no object"),
            (b'{"schema": 1, "targets": {"a": [{}]}}', "is broken: 'inputs'"),
            (b'{"schema": 1, "targets": {"a": [3]}}', "is broken"),
        ],
    )
    def test_what_is_no_baseline(self, tmp_path: Path, content: bytes | None, message: str) -> None:
        file = tmp_path / "known.json"
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(UsageError, match=message) as refused:
            read_baseline(file)
        assert "--write-baseline" in str(refused.value)
