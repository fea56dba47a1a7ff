"""Patterns of `.gitignore`, against what git says of them."""

from __future__ import annotations

import pytest

from gradlint.checking.exclusion import pattern_of

FITS = {
    "*.py": (["a.py", "b/c/a.py", ".py"], ["a.pyc", "a.py/b"]),
    "a*b*c": (["abc", "aXbXc", "d/aXXbcXc", "abbcc"], ["ab", "abcd", "a/b/c"]),
    "/a": (["a"], ["b/a"]),
    "a/b": (["a/b"], ["c/a/b"]),
    "**/a": (["a", "b/a", "b/c/a"], ["a/b", "ba"]),
    "a/**": (["a/b", "a/b/c"], ["a", "b/a/c"]),
    "a/**/b": (["a/b", "a/x/b", "a/x/y/b"], ["a/xb", "ab", "x/a/b"]),
    "**/a/**/b*/**/c": (["a/b/c", "x/a/x/bx/x/c", "a/a/b/b/c"], ["a/c", "b/c", "a/b/cx"]),
    "**": (["a", "a/b"], []),
    "a**b": (["ab", "aXb"], ["a/b"]),
    "[ab]?[!c]": (["axd", "x/bxd"], ["cxd", "axc", "ax/"]),
    "a[!b]c": (["axc"], ["abc", "a/c"]),
    "[*]a": (["*a"], ["xa"]),
    "a[": (["a["], ["a"]),
    "a.b": (["a.b"], ["axb"]),
}
"""By pattern, paths that it fits and paths that it does not."""


@pytest.mark.parametrize("line", FITS)
def test_a_pattern(line: str) -> None:
    pattern = pattern_of(line)
    assert pattern is not None
    fits, others = FITS[line]
    assert [path for path in (*fits, *others) if pattern.fits(path, False)] == fits
