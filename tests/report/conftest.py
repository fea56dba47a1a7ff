from __future__ import annotations

import networkx as nx
import pytest
from shared_result import HERE, HOSTILE, SOURCE

from gradlint.report.text import Style


@pytest.fixture(autouse=True)
def fixed_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradlint.version.__version__", "0.0.0")
    monkeypatch.setattr("gradlint.report.html.today", lambda: "2026-01-02")
    monkeypatch.setattr("gradlint.report.html.versions", lambda: "gradlint 0.0.0")


@pytest.fixture
def style() -> Style:
    return Style(folder=str(HERE), root=str(HERE))


@pytest.fixture
def graph() -> nx.DiGraph:
    """Input -> op -> op -> output -> loss with a variable; one edge absent, one zero, one not finite."""
    made = nx.DiGraph()
    made.add_node(("input", "model1"), kind="input", label="model1", gradient="finite", norm=0.5)
    made.add_node(HOSTILE, kind="input", label=HOSTILE, gradient="absent", norm=None)
    made.add_node("kernel", kind="variable", label='dense/"kernel"', gradient="zero", norm=0.0)
    made.add_node(
        3,
        kind="op",
        label="MatMul",
        type="MatMul",
        layer="dense",
        file=SOURCE,
        line=5,
        shapes=[(8, 64)],
        dtypes=["float32"],
    )
    made.add_node(
        4,
        kind="op",
        label="Round",
        type="Round",
        layer=None,
        file=None,
        line=None,
        shapes=[(8, None), ()],
        dtypes=["float32", "int32"],
    )
    made.add_node("out", kind="output", label="größe <b>")
    made.add_node("loss", kind="loss", label="loss")
    made.add_edge(("input", "model1"), 3, shape=(8, 32), dtype="float32", gradient="finite")
    made.add_edge("kernel", 3, shape=(32, 64), dtype="float32", gradient="zero")
    made.add_edge(3, 4, shape=(8, 64), dtype="float32", gradient="absent")
    made.add_edge(HOSTILE, 4, shape=(), dtype="int32", gradient="n/a")
    made.add_edge(4, "out", shape=(8, None), dtype="float32", gradient="non-finite")
    made.add_edge("out", "loss", shape=(), dtype="float32", gradient="unknown")
    return made
