"""The graph as a file: Graphviz dot, Mermaid, GraphML, JSON; and the picture of its layers as SVG.

Nodes carry `kind` (`input`, `variable`, `op`, `output`, `loss`) and `label`; operations also `type`,
`layer`, `file`, `line`, `shapes`, `dtypes`; inputs and variables also `gradient` and `norm`, variables
`trainable`. Edges carry `shape`, `dtype`, `gradient`, `norm` and `local`. Identifiers are `n0`, `n1`, ... in the order
of the graph.
"""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING

from gradlint.errors import UsageError
from gradlint.report.json import json_value
from gradlint.report.outgoing import Syntax, outgoing, printable
from gradlint.report.text import name, shape_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import PurePath

    import networkx as nx

    from gradlint.finding import Finding

Attributes = dict[str, object]

_COLOUR = {
    "finite": "#2e7d32",
    "present": "#2e7d32",
    "absent": "#c62828",
    "zero": "#ef6c00",
    "non-finite": "#8e24aa",
    "n/a": "#9e9e9e",
    "unknown": "#9e9e9e",
}
_STOPPED = ("absent", "zero")
"""Drawn dashed as well: colour alone is not readable by everyone."""
_DOT_SHAPE = {
    "input": "cds",
    "variable": "cylinder",
    "op": "box",
    "output": "hexagon",
    "loss": "doubleoctagon",
}
_MERMAID_SHAPE = {
    "input": ('(["', '"])'),
    "variable": ('[("', '")]'),
    "op": ('["', '"]'),
    "output": ('{{"', '"}}'),
    "loss": ('((("', '")))'),
}


def render_graph(graph: nx.DiGraph[object], format: str, findings: Sequence[Finding] = ()) -> str:
    """`graph` as text in one of `GRAPH_FORMATS`; no newline at the end. A picture marks where `findings` are."""
    text = _svg(graph, findings) if format == "svg" else GRAPH_FORMATS[format](graph)
    return outgoing(text, _SYNTAX[format])


def graph_format(path: PurePath) -> str:
    """The format that a file's extension names.

    Raises:
        UsageError: no format has this extension.
    """
    extension = path.suffix.removeprefix(".").lower()
    if extension in GRAPH_FORMATS:
        return extension
    reason = "the extension names no graph format"
    raise UsageError(f"--graph {path}: {reason}; choose one of .{', .'.join(GRAPH_FORMATS)}.")


def _dot(graph: nx.DiGraph[object]) -> str:
    lines = [
        "digraph gradlint {",
        "  rankdir=LR;",
        '  node [fontname="Helvetica", fontsize=11, shape=box];',
        '  edge [fontname="Helvetica", fontsize=9];',
    ]
    nodes, edges = _parts(graph)
    for layer, members in _by_layer(nodes).items():
        indent = "    " if layer else "  "
        if layer:
            lines.append(f"  subgraph {_quoted(f'cluster_{layer}')} {{")
            lines.append(f'    label={_quoted(name(layer))}; color="#bdbdbd"; fontname="Helvetica";')
        for node, attributes in members.items():
            shape = _DOT_SHAPE.get(str(attributes.get("kind")), "box")
            colour = _COLOUR.get(str(attributes.get("gradient")), "#212121")
            lines.append(
                f'{indent}{node} [label={_quoted(_label(attributes))}, shape={shape}, color="{colour}"'
                f"{_tooltip(attributes)}];"
            )
        if layer:
            lines.append("  }")
    for source, target, attributes in edges:
        gradient = str(attributes.get("gradient"))
        look = ", style=dashed, penwidth=2" if gradient in _STOPPED else ""
        lines.append(
            f"  {source} -> {target} [label={_quoted(_edge_label(attributes))}, "
            f'color="{_COLOUR.get(gradient, _COLOUR["unknown"])}"{look}];'
        )
    return "\n".join([*lines, "}"])


def _mermaid(graph: nx.DiGraph[object]) -> str:
    nodes, edges = _parts(graph)
    lines = ["flowchart LR"]
    clusters = count()
    for layer, members in _by_layer(nodes).items():
        indent = "    " if layer else "  "
        if layer:
            lines.append(f'  subgraph layer{next(clusters)}["{_entities(name(layer))}"]')
        for node, attributes in members.items():
            left, right = _MERMAID_SHAPE.get(str(attributes.get("kind")), ('["', '"]'))
            lines.append(f"{indent}{node}{left}{_entities(_label(attributes))}{right}")
        if layer:
            lines.append("  end")
    links: dict[str, list[str]] = {}
    for index, (source, target, attributes) in enumerate(edges):
        gradient = str(attributes.get("gradient"))
        arrow = "-.->" if gradient in _STOPPED else "-->"
        label = _entities(_edge_label(attributes))
        text = f'|"{label}"|' if label else ""
        lines.append(f"  {source} {arrow}{text} {target}")
        links.setdefault(_COLOUR.get(gradient, _COLOUR["unknown"]), []).append(str(index))
    lines += [f"  linkStyle {','.join(indices)} stroke:{colour}" for colour, indices in links.items()]
    for node, attributes in nodes.items():
        if colour := _COLOUR.get(str(attributes.get("gradient"))):
            lines.append(f"  style {node} stroke:{colour}")
    return "\n".join(lines)


def _graphml(graph: nx.DiGraph[object]) -> str:
    import networkx as nx

    nodes, edges = _parts(graph)
    scalars: nx.DiGraph[str] = nx.DiGraph()
    for node, attributes in nodes.items():
        scalars.add_node(node, **_scalars(attributes))
    for source, target, attributes in edges:
        scalars.add_edge(source, target, **_scalars(attributes))
    return "\n".join(nx.generate_graphml(scalars))


def _json(graph: nx.DiGraph[object]) -> str:
    # The shape of networkx's node-link data: `networkx.node_link_graph(data, edges="edges")` reads it.
    nodes, edges = _parts(graph)
    data = {
        "directed": True,
        "multigraph": False,
        "graph": {"schema": 1},
        "nodes": [{**attributes, "id": node} for node, attributes in nodes.items()],
        "edges": [{**attributes, "source": source, "target": target} for source, target, attributes in edges],
    }
    return json.dumps(json_value(data), indent=1, allow_nan=False)


def _svg(graph: nx.DiGraph[object], findings: Sequence[Finding] = ()) -> str:
    from gradlint.report.svg import render

    return render(graph, findings)


GRAPH_FORMATS: dict[str, Callable[[nx.DiGraph[object]], str]] = {
    "dot": _dot,
    "mermaid": _mermaid,
    "mmd": _mermaid,
    "graphml": _graphml,
    "json": _json,
    "svg": _svg,
}
"""File extension to writer."""
_SYNTAX = {
    "dot": Syntax.MARKUP,  # Graphviz reads the entities of HTML
    "mermaid": Syntax.PLAIN,  # spells every such character itself
    "mmd": Syntax.PLAIN,
    "graphml": Syntax.MARKUP,
    "json": Syntax.JSON,
    "svg": Syntax.MARKUP,
}


def _parts(graph: nx.DiGraph[object]) -> tuple[dict[str, Attributes], list[tuple[str, str, Attributes]]]:
    """Nodes and edges under identifiers that are safe in every format."""
    ids = {node: f"n{index}" for index, node in enumerate(graph.nodes)}
    nodes = {ids[node]: dict(attributes) for node, attributes in graph.nodes(data=True)}
    edges = [(ids[source], ids[target], dict(attributes)) for source, target, attributes in graph.edges(data=True)]
    return nodes, edges


def _by_layer(nodes: Mapping[str, Attributes]) -> dict[str, dict[str, Attributes]]:
    """The nodes of each layer, in order; those without a layer under the empty string."""
    layers: dict[str, dict[str, Attributes]] = {}
    for node, attributes in nodes.items():
        layers.setdefault(str(attributes.get("layer") or ""), {})[node] = attributes
    return layers


def _label(attributes: Attributes) -> str:
    # An operation is drawn inside the box of its layer, whose name its label would only repeat.
    return name(str(attributes.get("type") or attributes.get("label") or attributes.get("kind") or "?"))


def _edge_label(attributes: Attributes) -> str:
    shape, dtype = attributes.get("shape"), attributes.get("dtype")
    sizes = shape_text(shape) if isinstance(shape, (tuple, list)) else ""
    return printable(f"{sizes} {dtype or ''}".strip())


def _tooltip(attributes: Attributes) -> str:
    file, line = attributes.get("file"), attributes.get("line")
    return f", tooltip={_quoted(f'{file}:{line}')}" if file and line else ""


def _quoted(text: str) -> str:
    r"""A dot string: backslashes are doubled, since `\n` and `\l` would break lines."""
    escaped = printable(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _entities(text: str) -> str:
    """Mermaid's own character codes, so that a label is neither markup nor the end of a label."""
    return "".join(c if c.isalnum() or c in " _-./(),?:…" else f"#{ord(c)};" for c in text)


def _scalars(attributes: Attributes) -> dict[str, str | int | float | bool]:
    """GraphML holds scalars only: lists become JSON, and what is not known is left out."""
    return {
        key: printable(value)
        if isinstance(value, str)
        else value
        if isinstance(value, (bool, int, float))
        else json.dumps(json_value(value), allow_nan=False)
        for key, value in attributes.items()
        if value is not None
    }
