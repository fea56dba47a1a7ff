"""The nouns of a file's data flow: scopes, and the values that expressions make in them.

Every expression that runs makes one `Value`, and a value knows those it is made of. Names are gone: a name that is read
is the value last bound to it, a `PHI` where several bindings meet. The graph is what all rules of the source read.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from enum import Enum, auto


class Kind(Enum):
    """What made a value."""

    CONSTANT = auto()
    NAME = auto()
    """Something with a dotted name: an import, a built-in (`builtins.float`)."""
    UNKNOWN = auto()
    PARAMETER = auto()
    FUNCTION = auto()
    CLASS = auto()
    CALL = auto()
    ATTRIBUTE = auto()
    ITEM = auto()
    """`base[index]`; inputs are the base and the index."""
    PART = auto()
    """One place of an unpacked value: `a, b = value`; `index` says which."""
    ELEMENT = auto()
    """What a loop takes from its iterable."""
    OPERATION = auto()
    """Arithmetic, and whatever else computes with its inputs."""
    COMPARISON = auto()
    CHOICE = auto()
    """`a if c else b`, `a or b`: the inputs are those that may come out."""
    SEQUENCE = auto()
    MAPPING = auto()
    COMPREHENSION = auto()
    """The element, the last of its inputs being the iterables."""
    UPDATE = auto()
    """A container after something was put into it; inputs are the container and the new part."""
    PHI = auto()


@dataclass(frozen=True, slots=True)
class Block:
    """A `with` block of a tape; `end` counts as `Value.order` does, and is set when the block has been read."""

    tape: Value
    node: ast.With | ast.AsyncWith
    start: int
    pauses: bool = False
    """Whether it is `with tape.stop_recording()`."""
    ends: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the flow of control something stands.

    Attributes:
        scope: the function, or the module.
        blocks: the `with` blocks of tapes around it, outermost first.
        loops: the loops and comprehensions around it, outermost first.
        guards: the conditions it depends on, outermost first.
        raises: whether an exception is expected there (`pytest.raises`, `assertRaises`).
    """

    scope: Scope
    blocks: tuple[Block, ...] = ()
    loops: tuple[ast.AST, ...] = ()
    guards: tuple[ast.expr, ...] = ()
    raises: bool = False


@dataclass(eq=False, slots=True)
class Value:
    """What one expression made. Only `inputs` of a `PHI` grow after it was made.

    Attributes:
        node: the syntax; None for what no expression stands for.
        inputs: the values it is made of; a call's are the callee, then the arguments.
        name: dotted name, attribute, parameter or operator, as the kind has it.
        keywords: names of the last arguments of a call; None for `**`.
        index: of a `PART`.
        order: counts all values of a file in the order in which they are made.
        scope: of a function or class, its own; else None.
        known_key: what `gradlint.source.module.key` has found, once the file has been read.
    """

    kind: Kind
    node: ast.AST | None
    place: Place
    order: int
    inputs: list[Value] = field(default_factory=list)
    name: str = ""
    keywords: tuple[str | None, ...] = ()
    index: int = 0
    literal: object = None
    scope: Scope | None = None
    known_key: str = ""

    def __repr__(self) -> str:
        return f"<{self.kind.name} {self.name} {getattr(self.node, 'lineno', '')}>"

    @property
    def callee(self) -> Value:
        return self.inputs[0]

    @property
    def arguments(self) -> list[Value]:
        """Of a call: the positional ones, starred ones among them."""
        return self.inputs[1 : len(self.inputs) - len(self.keywords)]

    def keyword(self, name: str) -> Value | None:
        """Of a call: the argument given by this name."""
        if name in self.keywords:
            return self.inputs[len(self.inputs) - len(self.keywords) + self.keywords.index(name)]
        return None

    def argument(self, index: int, name: str = "") -> Value | None:
        """Of a call: the argument at this position, or of this name."""
        given = self.arguments
        if index < len(given):
            return None if any(is_starred(value) for value in given[: index + 1]) else given[index]
        return self.keyword(name) if name else None


def is_starred(value: Value) -> bool:
    """Whether an argument is `*arguments`."""
    return isinstance(value.node, ast.Starred)


@dataclass(eq=False, slots=True)
class Scope:
    """A module, class or function.

    Attributes:
        bindings: every value that each name, or path such as `self.model`, was ever bound to.
        returns: what a function may return.
        decorators: dotted names of a function's decorators, empty for those the file does not show.
        bases: the base classes of a class.
        owner: the class a method stands in.
    """

    kind: str
    name: str
    node: ast.AST
    parent: Scope | None
    bindings: dict[str, list[Value]] = field(default_factory=dict)
    outer: frozenset[str] = frozenset()
    parameters: list[Value] = field(default_factory=list)
    defaults: dict[str, Value] = field(default_factory=dict)
    returns: list[Value] = field(default_factory=list)
    decorators: tuple[str, ...] = ()
    bases: list[Value] = field(default_factory=list)
    owner: Scope | None = None
    children: dict[str, list[Scope]] = field(default_factory=dict)
    is_generator: bool = False
    looked_up: dict[str, Value] = field(default_factory=dict)

    @property
    def self_parameter(self) -> Value | None:
        """The first parameter of a method."""
        static = "builtins.staticmethod" in self.decorators or "builtins.classmethod" in self.decorators
        return self.parameters[0] if self.owner is not None and self.parameters and not static else None


Context = tuple[Value, ...]
"""The calls through which a function of the file was entered, outermost first."""
