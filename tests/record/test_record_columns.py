"""Arrays of a sample in which nothing is to be learnt."""

from __future__ import annotations

import numpy as np

from gradlint.record.columns import defects


def test_a_negative_zero_is_zero():
    (found,) = defects({"x": np.full((4, 2), -0.0, "float32")}, {}, {})
    assert f"{found.constant:g}" == "0"
