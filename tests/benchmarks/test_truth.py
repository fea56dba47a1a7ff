"""The benchmark of truth itself: its numbers, its memory, and what it sees in a model."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from alive import eventually, is_alive

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.truth import manifest, numbers, page
from tests.benchmarks.truth.cases import ROOT, Case, all_cases

BUG = {
    "case": "bugs/a", "kind": "bugs", "hash": "1", "category": "saturation", "found": True, "explained": False,
    "quiet": True, "false": [], "severity": "error", "seconds": 1.0, "symptom": True, "gone": False,
    "repair": {"way": "this", "works": False},
    "peers": {"keras": [True, False], "tape": [False, False], "numerics": [False, True]},
}  # fmt: skip
HEALTHY = {"case": "healthy/b", "kind": "healthy", "hash": "2", "category": "x", "clean": False, "false": ["GL201"]}
HEALTHY |= {"seconds": 2.0, "peers": {"keras": [False], "tape": [True], "numerics": [False]}}
SKIPPED = {"case": "healthy/c", "kind": "healthy", "hash": "3", "skipped": "No module named 'keras_hub'"}
ROWS = [BUG, HEALTHY, SKIPPED]


def test_intervals_are_those_of_wilson() -> None:
    # Newcombe 1998, Statistics in Medicine 17, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for hits, of, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)):
        assert numbers.wilson(hits, of) == pytest.approx((low, high), abs=5e-5)
    assert numbers.wilson(20, 20)[1] == 1
    assert numbers.wilson(0, 0) == (0, 1)


def test_numbers_of_rows() -> None:
    assert str(numbers.recall(ROWS)).startswith("1 of 1: 100.0% (21% to 100%)")
    assert numbers.precision(ROWS) == numbers.Rate(1, 2)
    assert numbers.clean(ROWS) == numbers.Rate(0, 1)
    assert numbers.alarms_each(ROWS) == 0.5
    assert [numbers.verdict(row) for row in ROWS] == ["found quiet", "nothing", "skipped"]


def test_the_manifest_is_added_to_and_never_rewritten(tmp_path: Path) -> None:
    file = tmp_path / "manifest.jsonl"
    assert [entry.case for entry in manifest.append(file, ROWS, "2026-01-01")] == ["bugs/a", "healthy/b"]
    before = file.read_text()
    later = [{**BUG, "found": False}, {**HEALTHY, "hash": "changed"}]
    assert [entry.case for entry in manifest.append(file, later, "2026-02-02")] == ["healthy/b"]
    assert file.read_text().startswith(before)
    first = manifest.first_runs(file, later)
    assert (first["bugs/a"].verdict, first["bugs/a"].first_run) == ("found quiet", "2026-01-01")
    assert first["healthy/b"].first_run == "2026-02-02"


def test_the_page_is_made_of_the_rows(tmp_path: Path) -> None:
    manifest.append(tmp_path / "m", [{**BUG, "found": False}], "2026-01-01")
    text = page.page(ROWS, manifest.first_runs(tmp_path / "m", ROWS), "On a machine.", "p.svg")
    assert "| `healthy/b` | false alarm | GL201 |" in text
    assert "| `bugs/a` | not explained |" in text
    assert "| `bugs/a` | 2026-01-01 | quiet | found quiet |" in text
    assert "No module named 'keras_hub'" in text
    assert "| saturation | 1 | 0 of 1: 0.0% (0% to 79%) | 0 |" in text
    assert "Tried: this (1). Does not work: `bugs/a` (this)." in text
    picture = page.picture(ROWS)
    assert picture.startswith("<svg")
    assert "Keras says something" in picture


def test_every_case_has_a_name_of_its_own() -> None:
    cases = all_cases()
    assert len({case.name for case in cases}) == len(cases)
    assert sum(not case.name.startswith("aside/") for case in cases) > 200


def test_who_builds_a_case_after_others_gets_the_same_model(tmp_path: Path) -> None:
    file = tmp_path / "case.py"
    file.write_text(
        "import keras\n\n\ndef build():\n    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])\n"
    )
    module = Case("bugs/drawn", "bugs", file).module()
    one, other = module.build(), module.build()
    assert one.layers[0].name == other.layers[0].name
    np.testing.assert_array_equal(one.get_weights()[0], other.get_weights()[0])


def test_a_symptom_is_seen_without_gradlint() -> None:
    from cases.bugs import argmax_onehot_router as case

    from tests.benchmarks.truth import peers, symptoms

    broken, repaired = symptoms.seen(case.build, case.sample()), symptoms.seen(case.fixed, case.sample())
    assert symptoms.shown("nondifferentiable_op", broken, repaired) == (True, True)
    assert symptoms.shown("nondifferentiable_op", repaired, repaired) == (False, False)
    assert symptoms.shown("wrong_loss", broken, repaired) == (None, None)
    assert peers.tape_said(broken)
    assert not peers.tape_said(repaired)
    assert peers.keras_said(case.build, case.sample())
    assert not peers.keras_said(case.fixed, case.sample())
    assert not peers.numerics_said(case.build, case.sample())


def test_a_repair_is_tried_and_looked_at_by_a_plain_tape() -> None:
    import keras

    from tests.benchmarks.truth import repairs

    def frozen() -> keras.Model:
        x = keras.Input((3,), name="x")
        model = keras.Model({"x": x}, keras.layers.Dense(1, name="out")(x))
        model.trainable = False
        model.compile("sgd", "mse")
        return model

    def found(code: str, category: str, *experiments: str) -> dict[str, object]:
        return {"category": category, "finding": {"code": code, "layer": "out", "experiments": list(experiments)}}

    sample = {"x": np.ones((4, 3), "float32"), "y": np.ones((4, 1), "float32")}
    assert repairs.tried(frozen, sample, found("GL108", "frozen")) == {"way": "trainable = True", "works": True}
    thawed = repairs.TRIALS["GL108"][1](frozen, sample, {})
    assert thawed is not None
    assert repairs.tried(thawed[0], sample, found("GL108", "frozen")) == {"way": "trainable = True", "works": False}
    labels = found("GL405", "label_shape_broadcast")
    assert repairs.tried(thawed[0], {**sample, "y": np.ones((1, 4), "float32")}, labels)["works"]
    assert repairs.tried(thawed[0], {**sample, "y": np.ones((4, 2), "float32")}, labels) is None
    odd = {"X": sample["x"], "y": sample["y"]}
    assert repairs.tried(thawed[0], odd, found("GL401", "missing_key"))["works"]
    nan = {**sample, "x": np.full((4, 3), np.nan, "float32")}
    assert repairs.tried(thawed[0], nan, found("GL302", "nonfinite_gradient"))["works"]
    assert repairs.tried(thawed[0], sample, found("GL302", "nonfinite_gradient")) is None
    through = "with the gradient let through `Round` at a.py:1, "
    for words, works in (("both victims receive one", True), ("nothing behind it received one", False)):
        done = repairs.tried(frozen, sample, found("GL103", "nondifferentiable_op", through + words))
        assert done == {"way": repairs.LET_THROUGH, "works": works}
    assert repairs.tried(frozen, sample, found("GL501", "batch_mixing")) is None
    assert repairs.tried(frozen, sample, {"category": "other"}) is None


def test_measures_tell_none_from_zero_and_weak() -> None:
    from tests.benchmarks.truth.symptoms import Seen, counted

    one = Seen(norms={"a": None, "b": 0.0, "c": 1e-6, "d": np.nan}, trainable=3)
    other = Seen(norms={"a": 1.0, "b": 1.0, "c": 1.0, "d": 1.0}, trainable=4)
    amounts = {name: counted(name, one, other) for name in ("absent", "zero", "weaker", "stronger", "fewer", "failed")}
    assert amounts == {"absent": 1, "zero": 1, "weaker": 2, "stronger": 0, "fewer": 1, "failed": 0}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel ends orphans")
def test_processes_end_with_the_run_that_started_them(tmp_path: Path) -> None:
    case = tmp_path / "case.py"
    case.write_text(
        "import os, pathlib, time\n"
        f"pathlib.Path({str(tmp_path / 'draft')!r}).write_text(str(os.getpid()))\n"
        f"os.rename({str(tmp_path / 'draft')!r}, {str(tmp_path / 'pid')!r})\n"
        "time.sleep(600)\n"
    )
    runs = tmp_path / "runs.py"
    runs.write_text(
        "from pathlib import Path\nfrom tests.benchmarks.truth.__main__ import _ran\n"
        "from tests.benchmarks.truth.cases import Case\n"
        f"if __name__ == '__main__': list(_ran([Case('bugs/a', 'bugs', Path({str(case)!r}))], 1, is_short=True))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    process = subprocess.Popen([sys.executable, str(runs)], env=environment, stderr=subprocess.DEVNULL)
    assert eventually((tmp_path / "pid").exists)
    worker = int((tmp_path / "pid").read_text())
    process.kill()
    process.wait()
    assert eventually(lambda: not is_alive(worker))


@pytest.mark.parametrize("is_repairable", [True, False])
def test_what_fix_makes_of_a_source_is_run_before_and_after(is_repairable: bool, tmp_path: Path) -> None:
    pytest.importorskip("libcst")  # what --fix needs
    from tests.benchmarks.truth import sourcefixes

    before = "logits = model(sample)\n    with tf.GradientTape() as tape:\n        loss = tf.reduce_mean(logits)\n"
    after = "with tf.GradientTape() as tape:\n        loss = tf.reduce_mean(model(sample))\n"
    file = tmp_path / "case.py"
    file.write_text(
        "import keras\nimport numpy as np\nimport tensorflow as tf\n\n\ndef build():\n"
        "    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])\n\n\n"
        "def sample():\n    return np.ones((4, 3), 'float32')\n\n\ndef step(model, sample):\n"
        f"    {before if is_repairable else after}"
        "    gradients = tape.gradient(loss, model.trainable_variables)\n"
        "    keras.optimizers.SGD(0.1).apply_gradients(zip(gradients, model.trainable_variables))\n"
    )
    done = sourcefixes.tried(Case("steps/late", "steps", file))
    assert done == ({"way": sourcefixes.WAY, "works": True} if is_repairable else None)
