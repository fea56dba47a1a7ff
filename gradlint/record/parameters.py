"""What a step calls the things that it is given: its parameters, and the parts that it takes them apart into."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a step.

    Attributes:
        value: what is handed over.
        key: of an array, and the beginning of the keys of what is in a container.
        parts: keys of the items of a sequence, where the step names them; empty where it does not.
    """

    value: Any
    key: str
    parts: tuple[str, ...] = ()

    def keys(self) -> list[str]:
        """The key of each item of a sequence."""
        if self.parts:
            return list(self.parts)
        return [f"{self.key}/{place}" if self.key else str(place) for place in range(len(self.value))]


def arguments_by_place(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Argument]:
    """The arguments of a step, positional ones first and named by their places; a single one needs no name."""
    named = [Argument(value, "" if len(args) == 1 else str(place)) for place, value in enumerate(args)]
    return [*named, *(Argument(value, name) for name, value in kwargs.items())]


def arguments_by_name(step: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Argument]:
    """The arguments of a step as its own code calls them; by their places where that cannot be told.

    `def step(images, labels)` names two, and so does `def step(batch)` that goes on with `images, labels = batch`.
    """
    names = _parameters(step, len(args))
    if names is None:
        return arguments_by_place(args, kwargs)
    taken_apart = _taken_apart(step)
    uses = Counter([*names, *kwargs, *(part for parts in taken_apart.values() for part in parts)])
    found = []
    for name, value in zip((*names, *kwargs), (*args, *kwargs.values()), strict=True):
        parts = taken_apart.get(name, ())
        is_told = isinstance(value, (list, tuple)) and len(parts) >= len(value)
        kept = parts[: len(value)] if is_told and all(uses[part] == 1 for part in parts) else ()
        # The keys of a dict say enough, where nothing else is given.
        is_alone = len(args) == 1 and name == names[0] and isinstance(value, (dict, list, tuple))
        found.append(Argument(value, "" if is_alone else name, kept))
    return found


def _parameters(step: Any, number: int) -> list[str] | None:
    """The names of the first positional parameters; None where the signature does not say so many."""
    try:
        signature = inspect.signature(step)
    except (TypeError, ValueError):
        return None
    names: list[str] = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            names += [f"{parameter.name}/{place}" for place in range(number - len(names))]
        elif parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            names.append(parameter.name)
    return names[:number] if len(names) >= number else None


def _taken_apart(step: Any) -> dict[str, tuple[str, ...]]:
    """By parameter, the names of its parts: `x, y = batch`, `x, y, weights = keras.utils.unpack_…(data)`."""
    try:
        source = textwrap.dedent(inspect.getsource(inspect.unwrap(getattr(step, "python_function", step))))
        nodes = list(ast.walk(ast.parse(source)))
    except (OSError, TypeError, ValueError, SyntaxError, IndentationError):
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for node in nodes:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Tuple):
            continue
        value: ast.AST = node.value
        if isinstance(value, ast.Call) and len(value.args) == 1 and ast.unparse(value.func).endswith(_UNPACK):
            value = value.args[0]
        parts = node.targets[0].elts
        if isinstance(value, ast.Name) and all(isinstance(part, ast.Name) for part in parts):
            found.setdefault(value.id, tuple(part.id for part in parts if isinstance(part, ast.Name)))
    return found


_UNPACK = "unpack_x_y_sample_weight"
