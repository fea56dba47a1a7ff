"""Columns of plain letters are those that `tabulate` makes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlint.report import columns

CELLS = st.lists(st.sampled_from([*"ab-1(. ", "\x1b[2mdim\x1b[0m"]), min_size=1, max_size=9).map("".join)
HEADERS = ("input", "\x1b[2mshape\x1b[0m", "norm")


@given(st.lists(st.tuples(st.just("key"), CELLS, CELLS), min_size=1, max_size=4), st.tuples(*[st.booleans()] * 3))
def test_plain_letters_stand_as_tabulate_puts_them(rows: list[tuple[str, ...]], right: tuple[bool, ...]) -> None:
    assert columns.in_columns(rows, HEADERS, right) == columns._by_tabulate(rows, HEADERS, right)


def test_wide_letters_take_two_places() -> None:
    pytest.importorskip("wcwidth", reason="without it tabulate takes each letter for one place")
    plain, wide = columns.in_columns([["ab", "x"], ["\u6f22", "x"]], ["k", "v"], [False, True])[2:]
    assert (plain, wide) == ("ab     x", "\u6f22     x")
