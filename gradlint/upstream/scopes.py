"""Names that TensorFlow takes for a scope of a graph: eager mode takes any, `fit` and `tf.function` build graphs."""

from __future__ import annotations

import re

# https://www.tensorflow.org/api_docs/python/tf/Graph#name_scope
_ALLOWED = r"\w.\\/>-"
_AT_ROOT = re.compile(rf"[A-Za-z0-9.][{_ALLOWED}]*", re.ASCII)
_INSIDE = re.compile(rf"[{_ALLOWED}]*", re.ASCII)
_OTHERS = re.compile(rf"[^{_ALLOWED}]", re.ASCII)


def is_scope_name(name: str, *, is_root: bool) -> bool:
    """Whether a graph takes this name for a scope, inside of another one or outside of all."""
    return bool((_AT_ROOT if is_root else _INSIDE).fullmatch(name))


def scope_name(name: str) -> str:
    """The name itself where a graph takes it anywhere, else one that it takes."""
    return name if is_scope_name(name, is_root=True) else "n" + _OTHERS.sub("_", name)
