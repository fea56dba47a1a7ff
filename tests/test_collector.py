"""What the collector of circles looks at."""

from __future__ import annotations

import gc

from gradlint.collector import settle


def test_what_is_there_is_taken_for_old_and_nothing_stays_frozen() -> None:
    gc.unfreeze()  # whatever ran in this process before
    young = [[] for _ in range(10)]  # type: ignore[var-annotated]
    assert any(each is young for each in gc.get_objects(generation=0))
    settle()
    assert any(each is young for each in gc.get_objects(generation=2))
    assert gc.get_freeze_count() == 0


def test_what_somebody_has_frozen_stays_so() -> None:
    gc.freeze()
    try:
        number = gc.get_freeze_count()
        settle()
        assert gc.get_freeze_count() == number
    finally:
        gc.unfreeze()
