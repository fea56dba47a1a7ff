"""Safe names, folded lists, places."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlint.finding import Cause
from gradlint.report.text import Style, common_folder, excerpt, folded, listed, name, place, printable, sentence


@given(st.text(st.characters(exclude_categories=[])))
def test_printable_text_cannot_act(text: str) -> None:
    assert printable(text).isprintable()
    assert sentence(text).isprintable()
    assert len(name(text, 20)) <= 20


@given(st.text(st.characters(categories=["L", "N", "P", "S"])))
def test_printable_text_is_left_alone(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("größe", "größe"),
        ("", "''"),
        (" x", "' x'"),
        ("a\nb", r"a\nb"),
        ("\ud800", r"\ud800"),
        ("層/κ", "層/κ"),
    ],
)
def test_name(text: str, shown: str) -> None:
    assert name(text) == shown


@pytest.mark.parametrize(
    ("paths", "folder"),
    [
        ([], ""),
        (["a"], ""),
        (["a/b/c", "a/b/d"], "a/b/"),
        (["a/b", "a/b"], "a/"),
        (["a/bc/x", "a/bd/x"], "a/"),
        (["a/b", "c/b"], ""),
        (["a/b/c", "a"], ""),
    ],
)
def test_common_folder(paths: list[str], folder: str) -> None:
    assert common_folder(paths) == folder


@pytest.mark.parametrize(
    ("number", "phrase"),
    [
        (1, "variable m/v0"),
        (2, "2 variables under m/: v0, v1"),
        (4, "4 variables under m/: v0, v1, v2, v3"),
        (5, "5 variables under m/: v0, v1, v2 and 2 more"),
        (1000, "1,000 variables under m/: v0, v1, v2 and 997 more"),
        (1500, "1,500 variables: m/v0, m/v1, m/v2 and 1,497 more"),
    ],
)
def test_folded(number: int, phrase: str) -> None:
    assert folded("variable", [f"m/v{n}" for n in range(number)]) == phrase


def test_listed_names_all_that_it_does_not_fold() -> None:
    assert listed(["a", "b", "c", "d"]) == "a, b, c, d"
    assert listed([]) == ""


@pytest.mark.parametrize(
    ("cause", "shown"),
    [
        (Cause(), None),
        (Cause(line=3), None),
        (Cause(file="/work/src/m.py", line=3), "src/m.py:3"),
        (Cause(file="/work/src/m.py"), "src/m.py"),
        (Cause(file="/workshop/m.py", line=3), "/workshop/m.py:3"),
        (Cause(file="<ipython-input-1>", line=1), "<ipython-input-1>:1"),
        (Cause(file="<ipython-input-2-0f3a6>", line=22), "cell In[2], line 22"),
        (Cause(file="/tmp/ipykernel_21827/1602320738.py", line=15), "notebook cell, line 15"),
        (Cause(file="/work/\x1bm.py", line=1), r"\x1bm.py:1"),
    ],
)
def test_place(cause: Cause, shown: str | None) -> None:
    assert place(cause, Style(folder="/work")) == shown


@pytest.mark.parametrize("width", [60, 45, 40, 31, 30, 20])
def test_an_excerpt_cuts_no_word(width: int) -> None:
    code = "def compute_loss(self, x=None, y=None, sample_weight=None):"
    found = excerpt(code, width)
    assert len(found) <= width
    words = set(re.findall(r"\w+", code))
    assert set(re.findall(r"\w+", found)) <= words


def test_a_single_long_word_is_shortened() -> None:
    assert excerpt("a" * 50, 11) == "aaaaa…aaaaa"


@given(st.text("abc ()[],0123 …", max_size=80), st.integers(5, 60))
def test_an_excerpt_keeps_the_width(code: str, width: int) -> None:
    assert len(excerpt(code, width)) <= width
