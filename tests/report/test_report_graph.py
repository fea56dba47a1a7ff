"""The graph in every format, read back where a reader is at hand."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import PurePath

import networkx as nx
import pytest
from shared_result import HERE
from test_reports import compare, strictly

from gradlint.errors import UsageError
from gradlint.report.graph import GRAPH_FORMATS, graph_format, render_graph


@pytest.mark.parametrize("format", ["dot", "mermaid", "json"])  # GraphML is networkx's own
def test_snapshot(format: str, graph: nx.DiGraph) -> None:
    text = render_graph(graph, format).replace(str(HERE), "<here>") + "\n"
    compare(HERE / "snapshots" / f"graph.{format}.txt", text)
    assert [c for c in text if not c.isprintable() and c != "\n"] == []


@pytest.mark.parametrize("format", GRAPH_FORMATS)
def test_an_empty_graph_renders(format: str) -> None:
    assert render_graph(nx.DiGraph(), format)


def test_json_is_networkx_node_link_data(graph: nx.DiGraph) -> None:
    read = nx.node_link_graph(strictly(render_graph(graph, "json")), edges="edges")
    assert nx.is_isomorphic(read, graph)
    assert read.nodes["n3"]["shapes"] == [[8, 64]]
    assert read.edges["n3", "n4"]["gradient"] == "absent"


def test_graphml_is_read_by_networkx(graph: nx.DiGraph) -> None:
    read = nx.parse_graphml(render_graph(graph, "graphml"))
    assert nx.is_isomorphic(read, graph)
    assert json.loads(read.nodes["n3"]["shapes"]) == [[8, 64]]
    assert read.nodes["n0"]["norm"] == 0.5
    assert "norm" not in read.nodes["n1"]


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_dot_is_read_by_graphviz(graph: nx.DiGraph) -> None:
    drawn = subprocess.run(["dot", "-Tsvg"], input=render_graph(graph, "dot"), capture_output=True, text=True)
    assert drawn.returncode == 0, drawn.stderr
    assert drawn.stdout.count('class="node"') == len(graph)


@pytest.mark.parametrize("format", ["dot", "mermaid"])
def test_a_label_cannot_leave_its_quotes(format: str) -> None:
    graph = nx.DiGraph()
    graph.add_node(0, kind="op", type='a"]; evil --> b["\\', layer='l"] {', label="")
    text = render_graph(graph, format)
    for line in text.splitlines():
        assert line.replace("\\\\", "").replace('\\"', "").count('"') % 2 == 0
    assert "-->" not in text or format == "dot"


@pytest.mark.parametrize(("path", "format"), [("a/b.DOT", "dot"), ("x.mmd", "mmd"), ("g.v1.json", "json")])
def test_the_extension_names_the_format(path: str, format: str) -> None:
    assert graph_format(PurePath(path)) == format


@pytest.mark.parametrize("path", ["x.png", "x", ".dot"])
def test_other_extensions_are_refused(path: str) -> None:
    with pytest.raises(UsageError, match=r"\.dot, \.mermaid"):
        graph_format(PurePath(path))
