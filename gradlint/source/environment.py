"""What names stand for at one point of a function."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradlint.source.values import Value


@dataclass(slots=True)
class Environment:
    """The bindings that hold at one point, and what has been used up on every way to it.

    Attributes:
        names: plain names.
        paths: dotted ones, such as `self.model`, and items with constant keys, such as `losses['a']`.
        spent: by identity, tapes that were asked and iterators that were read, with who did it.
        alive: False after a `return`, `raise`, `break` or `continue`.
    """

    names: dict[str, Value] = field(default_factory=dict)
    paths: dict[str, Value] = field(default_factory=dict)
    spent: dict[int, Value] = field(default_factory=dict)
    alive: bool = True

    def copy(self) -> Environment:
        return Environment(dict(self.names), dict(self.paths), dict(self.spent), self.alive)

    def bind(self, path: str, value: Value) -> None:
        """Bind a name or path; what hung on its old value is forgotten."""
        self.forget(path)
        (self.paths if "." in path or "[" in path else self.names)[path] = value

    def forget(self, path: str) -> None:
        """Forget everything that is reached through this name or path, not the name itself."""
        if self.paths:
            starts = (f"{path}.", f"{path}[")
            for key in [key for key in self.paths if key.startswith(starts)]:
                del self.paths[key]
