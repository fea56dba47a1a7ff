"""A result on its way from one process to another, as JSON.

Never a pickle: the sender reads files from strangers with native code, and what such code can be made to
write must not run on the other side. Everything is checked against the types of the result's own fields.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, TypeVar, Union, get_args, get_origin, get_type_hints

from gradlint.passes.layers import streamed
from gradlint.result import LateGraph, Result, RuleInfo

if TYPE_CHECKING:
    import networkx as nx

T = TypeVar("T")
GRAPH = "graph"
"""The name under which the graph of a result goes."""
_APART = ("drawn", "catalogue")
"""Fields of a result that are no plain data, or that the receiver knows better: what its own rules say."""


class MalformedError(ValueError):
    """What arrived is not a result."""


def result_to_data(result: Result) -> dict[str, object]:
    """A result, its graph included, as JSON values; NaN and infinity stay floats."""
    data = {field.name: plain(getattr(result, field.name)) for field in fields(result) if field.name not in _APART}
    data[GRAPH] = None if result.graph is None else _graph_to_data(result.graph)
    return data


def result_from_data(data: object, catalogue: object = None) -> Result:
    """What `result_to_data` described.

    Args:
        data: JSON values.
        catalogue: what is said of its rules, as JSON values; what they say here if not given.

    Raises:
        MalformedError: it describes no result.
    """
    if not isinstance(data, dict):
        raise MalformedError("not an object")
    graph = data.pop(GRAPH, None)
    values = _values(Result, data)
    if graph is not None:
        values["drawn"] = LateGraph.of(streamed(_graph_from_data(graph)))
    if values["fail_on"] not in ("error", "warning", "never"):
        raise MalformedError("fail_on is no severity")
    result = Result(**values)  # type: ignore[arg-type]  # each value has been checked against its field
    if catalogue is not None:
        known: tuple[RuleInfo, ...] = _value(tuple[RuleInfo, ...], catalogue)  # type: ignore[assignment]
        return replace(result, catalogue=known)
    from gradlint.rules import described

    return replace(result, catalogue=described(result.rules))


def plain(value: object) -> object:
    """A noun as JSON values; NaN and infinity stay floats."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return value


def _values(kind: type, data: Mapping[str, object]) -> dict[str, object]:
    names = {field.name for field in fields(kind)} - set(_APART)
    if set(data) != names:
        raise MalformedError(f"{kind.__name__} has other fields")
    hints = _hints(kind)
    return {name: _value(hints[name], data[name]) for name in names}


@functools.cache
def _hints(kind: type) -> dict[str, object]:
    # The graph's annotation names a module that is not imported here; its field is not asked for.
    return get_type_hints(kind, localns={"nx": types.SimpleNamespace(DiGraph=dict)})


def typed(kind: type[T], data: object) -> T:
    """The noun of this kind that JSON values describe.

    Raises:
        MalformedError: they describe none.
    """
    found: T = _value(kind, data)  # type: ignore[assignment]  # it has been checked
    return found


def _value(kind: object, data: object) -> object:
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        for part in parts:
            try:
                return _value(part, data)
            except MalformedError:
                continue
    elif origin is tuple and isinstance(data, list):
        if len(parts) == 2 and parts[1] is Ellipsis:
            return tuple(_value(parts[0], item) for item in data)
        if len(parts) == len(data):
            return tuple(_value(part, item) for part, item in zip(parts, data, strict=True))
    elif isinstance(origin, type) and issubclass(origin, Mapping) and isinstance(data, dict):
        return data  # evidence: JSON values, which renderers escape
    elif isinstance(kind, type):
        if is_dataclass(kind) and isinstance(data, dict):
            return kind(**_values(kind, data))
        if issubclass(kind, Enum):
            return _member(kind, data)
        if type(data) is kind:
            return data
        if kind is float and type(data) is int:
            return float(data)
    raise MalformedError(f"not {kind}")


def _member(kind: type[Enum], data: object) -> Enum:
    try:
        return kind(data)
    except ValueError as error:
        raise MalformedError(f"not a {kind.__name__}") from error


def _graph_to_data(graph: nx.DiGraph[object]) -> dict[str, object]:
    places = {node: place for place, node in enumerate(graph.nodes)}
    return {
        "nodes": [plain(attributes) for _, attributes in graph.nodes(data=True)],
        "edges": [[places[a], places[b], plain(attributes)] for a, b, attributes in graph.edges(data=True)],
    }


def _graph_from_data(data: object) -> nx.DiGraph[object]:
    import networkx as nx

    graph: nx.DiGraph[object] = nx.DiGraph()
    try:
        nodes, edges = _items(data, "nodes"), _items(data, "edges")
        for place, attributes in enumerate(nodes):
            graph.add_node(place, **_attributes(attributes))
        for edge in edges:
            source, target, attributes = _sequence(edge)
            if not (
                type(source) is int
                and type(target) is int
                and min(source, target) >= 0
                and max(source, target) < len(nodes)
            ):
                raise MalformedError("an edge without nodes")
            graph.add_edge(source, target, **_attributes(attributes))
    except (TypeError, ValueError, KeyError) as error:
        raise MalformedError(f"not a graph: {error}") from error
    return graph


def _items(data: object, key: str) -> Sequence[object]:
    if not isinstance(data, dict):
        raise MalformedError("not an object")
    return _sequence(data[key])


def _sequence(data: object) -> Sequence[object]:
    if not isinstance(data, list):
        raise MalformedError("not a list")
    return data


def _attributes(data: object) -> dict[str, object]:
    if not isinstance(data, dict) or {"node_for_adding", "u_of_edge", "v_of_edge"} & set(data):
        raise MalformedError("not attributes")
    return data
