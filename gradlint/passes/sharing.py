"""Parts that share a place, together."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")


def joined(parts: Iterable[tuple[frozenset[int], T]]) -> list[tuple[frozenset[int], list[T]]]:
    """Parts whose places overlap become one, by way of others as well; each with all its places."""
    groups: list[tuple[frozenset[int], list[T]]] = []
    for places, part in parts:
        group, apart = (places, [part]), []
        for other in groups:
            if other[0] & group[0]:
                group = (other[0] | group[0], other[1] + group[1])
            else:
                apart.append(other)
        groups = [*apart, group]
    return groups
