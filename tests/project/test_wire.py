from __future__ import annotations

import json
import math
from dataclasses import replace

import networkx as nx
import pytest

from gradlint.finding import Cause, Finding, Severity
from gradlint.passes.layers import streamed
from gradlint.project.wire import MalformedError, result_from_data, result_to_data
from gradlint.report.graph import GRAPH_FORMATS
from gradlint.result import GradientState, InputStatus, LateGraph, Result, SkippedRule, VariableStatus

GRAPH: nx.DiGraph[object] = nx.DiGraph()
GRAPH.add_node(("input", "é\x1b"), kind="input", label="é\x1b", shapes=[(2, None)], gradient="finite", norm=1.5)
GRAPH.add_node(("op", 0), kind="op", type="MatMul", layer="d", file="m.py", line=3, shapes=[(2, 1)])
GRAPH.add_edge(("input", "é\x1b"), ("op", 0), shape=(2, None), dtype="float32", gradient="absent", norm=None)
RESULT = Result(
    target="m.keras",
    model="m",
    sample="s",
    loss="mse",
    depth="values",
    findings=(
        Finding(
            "GL101", "disconnected-input", Severity.ERROR, "No path \x1b.", ("b",), ("v",),
            Cause("l", "Op", "m.py", 3), {"norm": math.inf, "names": ["a"], "count": 3, "rate": 0.5, "ok": True}, 7,
        ),
        Finding("GL201", "zero-gradient", Severity.WARNING, "Zero."),
    ),
    inputs=(
        InputStatus("b", (2, None), "float32", GradientState.ZERO, 0.0, 2),
        InputStatus("c", None, None, GradientState.UNKNOWN),
    ),
    variables=(VariableStatus("v", (), "float32", True, GradientState.NONFINITE, math.inf, ("b",)),),
    rules=("GL101", "GL201"),
    skipped=(SkippedRule("GL301", "KeyError: 'x'"),),
    notes=("a note",),
    fail_on="warning",
)  # fmt: skip


def through(result: Result) -> Result:
    return result_from_data(json.loads(json.dumps(result_to_data(result))))


def test_a_result_arrives_as_it_was_sent() -> None:
    assert through(RESULT) == RESULT
    assert through(RESULT).to_json() == RESULT.to_json()


def test_the_graph_looks_the_same() -> None:
    arrived = through(replace(RESULT, drawn=LateGraph.of(GRAPH))).graph
    assert arrived is not None
    for render in GRAPH_FORMATS.values():
        assert render(arrived) == render(streamed(GRAPH))


@pytest.mark.parametrize("key", list(result_to_data(RESULT)))
@pytest.mark.parametrize("value", [None, 3, 1.5, True, "x", [], {}, [None], [[1]], {"x": 1}], ids=repr)
def test_anything_else_is_refused_or_harmless(key: str, value: object) -> None:
    data = json.loads(json.dumps(result_to_data(RESULT))) | {key: value}
    try:
        arrived = result_from_data(data)
    except MalformedError:
        return
    field = getattr(arrived, key)
    assert field == value or field == tuple(value)  # type: ignore[arg-type]  # of the right type by chance


@pytest.mark.parametrize("data", [None, [], {}, {"target": "m"}, "x"], ids=repr)
def test_what_is_no_result(data: object) -> None:
    with pytest.raises(MalformedError):
        result_from_data(data)


@pytest.mark.parametrize(
    "graph",
    [
        [],
        {"nodes": []},
        {"nodes": [1], "edges": []},
        {"nodes": [{}], "edges": [[0, 1, {}]]},
        {"nodes": [{}], "edges": [[0]]},
        {"nodes": [{"node_for_adding": 1}], "edges": []},
        {"nodes": [{}], "edges": [["0", 0, {}]]},
    ],
    ids=repr,
)
def test_what_is_no_graph(graph: object) -> None:
    with pytest.raises(MalformedError):
        result_from_data(result_to_data(RESULT) | {"graph": graph})


def test_what_fails_is_a_severity() -> None:
    with pytest.raises(MalformedError, match="fail_on"):
        result_from_data({**result_to_data(RESULT), "fail_on": "nevererror"})
