"""Broken models, all experiments: `python -m tests.benchmarks.broken FOLDER NAME` writes one, and its repaired twin.

The plain run is the bare script on the same model; the twin says what a check costs where nothing is to be confirmed.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.processes import ROOT, bare, cost, gradlint, in_turn

if TYPE_CHECKING:
    from tests.benchmarks.processes import Pairs

CASES = ROOT / "tests" / "cases" / "bugs"
NAMES = (
    "argmax_onehot_router", "attention_softmax_last_axis_one", "categorical_ce_single_unit", "clip_output_saturated",
    "dropout_rate_one", "first_step_of_recurrence", "relu_after_negation", "sigmoid_chain_24", "single_where_log",
    "softmax_over_batch_axis", "sign_activation", "tanh_huge_init", "zero_init_all_kernels",
)  # fmt: skip
"""Of every kind of experiment some: cuts, zeros of several causes, what is not finite, what mixes samples."""


def made(name: str, folder: Path) -> tuple[list[str], list[str]]:
    """Model, sample and code of a case and of its twin, written once."""
    forms = [
        [str(folder / f"{name}.{form}.keras"), str(folder / f"{name}.{form}.npz"), str(CASES / f"{name}.py")]
        for form in ("build", "fixed")
    ]
    if not Path(forms[1][1]).exists():  # it is written last
        cost([sys.executable, "-m", "tests.benchmarks.broken", str(folder), name], ROOT)
    return forms[0], forms[1]


def measured(name: str, folder: Path, pairs: int) -> tuple[Pairs, Pairs]:
    """gradlint on a broken model beside the bare script on it, and beside gradlint on its twin."""
    broken, twin = made(name, folder)

    def checked(files: list[str]) -> list[str]:
        return gradlint(files[:2], ("--import", files[2], "--trust-model", "--no-cache", "--no-isolate"))

    return (
        in_turn(checked(broken), bare(broken), folder, pairs),
        in_turn(checked(broken), checked(twin), folder, pairs),
    )


def _write(folder: Path, name: str) -> None:
    import keras
    import numpy as np

    module: Any = importlib.import_module(f"cases.bugs.{name}")
    for form in ("build", "fixed"):
        keras.utils.set_random_seed(0)
        sample = (getattr(module, "fixed_sample", module.sample) if form == "fixed" else module.sample)()
        getattr(module, form)().save(folder / f"{name}.{form}.keras")
        np.savez(folder / f"{name}.{form}.npz", **sample)


if __name__ == "__main__":
    _write(Path(sys.argv[1]), sys.argv[2])
