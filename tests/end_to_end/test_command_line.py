"""The command as a user runs it: processes of their own, so each of them asks much."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import jsonschema
import pytest
from running import FIXTURES, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from running import Ran

SYSTEMS = ("--import", "fixtures/systems.py")


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    text = (ROOT / "docs" / "schema" / "gradlint-1.schema.json").read_text(encoding="utf-8")
    return jsonschema.Draft202012Validator(json.loads(text))


def strict_json(text: str) -> dict[str, object]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"bare {constant}")

    return json.loads(text, parse_constant=refuse)


def test_a_finding_with_its_line(command: Callable[..., Ran]) -> None:
    ran = command("fixtures/two_towers.keras", "fixtures/two_towers.npz", "--import", "fixtures/layers.py")
    assert ran.status == 1
    assert ran.err == ""  # TensorFlow says nothing
    assert "GL103 nondifferentiable-op" in ran.out
    assert re.search(r"nearest_code · ArgMax · fixtures/layers\.py:\d+\n +> nearest = ops\.argmax", ran.out)
    assert re.search(r"\n1 error: 'model2' gets no gradient: ArgMax, fixtures/layers.py:\d+\nexit status 1\n$", ran.out)
    assert "\x1b" not in ran.out  # no terminal, no colours


def test_a_clean_model_and_its_json(
    command: Callable[..., Ran], tmp_path: Path, schema: jsonschema.Draft202012Validator
) -> None:
    report, graph = tmp_path / "report.json", tmp_path / "flow.json"
    line = ("concat_dense.keras", "concat_dense.npz", "--import", "systems.py", "--format", "json")
    ran = command(*line, "--output", str(report), "--graph", str(graph), folder=FIXTURES)
    assert ran.status == 0
    assert ran.out == ""
    assert ran.err.startswith("No finding")
    assert len(ran.err.splitlines()) == 1
    parsed = strict_json(report.read_text())
    schema.validate(parsed)
    assert parsed["ok"] is True
    assert parsed["findings"] == []
    nodes = strict_json(graph.read_text())["nodes"]
    assert {"input", "variable", "op", "output", "loss"} == {node["kind"] for node in nodes}


def test_what_cannot_run_is_said_in_one_line(command: Callable[..., Ran]) -> None:
    ran = command("fixtures/nowhere.keras", "fixtures/two_towers.npz")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("gradlint: fixtures/nowhere.keras")
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("line", "status", "codes"),
    [
        (("two_towers", "two_towers", "--import", "fixtures/layers.py"), 1, ["GL103"]),
        (("custom_loss", "custom_loss", *SYSTEMS), 0, []),
        (("custom_loss", "custom_loss_broadcast", *SYSTEMS), 1, ["GL405"]),
        (("custom_loss_careless", "custom_loss", *SYSTEMS), 1, ["GL106"]),
        (("custom_loss_careless", "custom_loss", *SYSTEMS, "--ignore", "GL106"), 0, []),
        (("custom_loss_careless", "custom_loss", *SYSTEMS, "--fail-on", "never"), 0, ["GL106"]),
        (("custom_loss_careless", "custom_loss", *SYSTEMS, "--mode", "inference", "--seed", "7"), 1, ["GL106"]),
        (("sequence_vector_careless", "sequence_vector"), 0, ["GL205"]),
        (("sequence_vector_careless", "sequence_vector", "--fail-on", "warning"), 1, ["GL205"]),
        (("sequence_vector_careless", "sequence_vector", "--select", "GL1"), 0, []),
        (("sequence_vector", "sequence_vector", "--loss", "mae"), 0, []),
        (("sequence_vector", "concat_dense"), 1, ["GL403"]),
        (("sequence_vector", "sequence_vector", "--depth", "preflight"), 0, []),
    ],
)
def test_exit_status_and_json(
    shell: Callable[..., Ran],
    schema: jsonschema.Draft202012Validator,
    line: tuple[str, ...],
    status: int,
    codes: list[str],
) -> None:
    model, sample, *options = line
    ran = shell(f"fixtures/{model}.keras", f"fixtures/{sample}.npz", *options, "--format", "json")
    assert ran.status == status
    assert ran.err == ""
    parsed = strict_json(ran.out)
    schema.validate(parsed)
    assert [finding["code"] for finding in parsed["findings"]] == codes
    assert parsed["ok"] is (status == 0)
    assert parsed["skipped"] == []


def test_concise_starts_with_the_line(shell: Callable[..., Ran]) -> None:
    ran = shell(
        "fixtures/two_towers.keras", "fixtures/two_towers.npz", "--import", "fixtures/layers.py", "--format", "concise"
    )
    assert re.fullmatch(r"fixtures/layers\.py:\d+: GL103 nondifferentiable-op: .+\[nearest_code, ArgMax\]\n", ran.out)


def test_without_a_sample_one_is_made_up(shell: Callable[..., Ran]) -> None:
    first = shell("fixtures/two_towers.keras", "--import", "fixtures/layers.py")
    assert first.status == 1
    assert "made up from the input specification (seed 0)" in first.out
    assert "GL103" in first.out
    again = shell("fixtures/two_towers.keras", "--import", "fixtures/layers.py")
    assert again == first


def test_other_names_in_the_sample(shell: Callable[..., Ran], tmp_path: Path) -> None:
    import numpy as np
    import systems

    arrays = systems.sequence_vector_sample()
    sample = tmp_path / "renamed.npz"
    np.savez(sample, left=arrays["model1"], model2=arrays["model2"], truth=arrays["y"])
    ran = shell("fixtures/sequence_vector.keras", sample)
    assert ran.status == 1
    assert "GL401" in ran.out
    ran = shell("fixtures/sequence_vector.keras", sample, "--map", "model1=left", "--target", "truth")
    assert ran.status == 0
    assert "compiled loss (mean_squared_error)" in ran.out


@pytest.mark.parametrize("ending", ["dot", "mermaid", "graphml", "json"])
def test_graph_files(shell: Callable[..., Ran], tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"flow.{ending}"
    files = ("fixtures/two_towers.keras", "fixtures/two_towers.npz", "--import", "fixtures/layers.py")
    ran = shell(*files, "--graph", path)
    assert ran.status == 1
    assert "ArgMax" in path.read_text(encoding="utf-8")


def test_a_factory(shell: Callable[..., Ran]) -> None:
    ran = shell("systems:sequence_vector", "sequence_vector.npz", folder=FIXTURES)
    assert ran.status == 0
    assert "No finding" in ran.out


def test_a_page_has_its_picture_though_the_answer_is_known(shell, tmp_path):
    for name in ("two_towers.keras", "two_towers.npz", "layers.py"):
        shutil.copy(FIXTURES / name, tmp_path)
    check = ("two_towers.keras", "two_towers.npz", "--import", "layers.py", "--cache-dir", "answers")
    shell(*check, folder=tmp_path)
    assert list((tmp_path / "answers").glob("*.json"))
    assert "<svg" in shell(*check, "--format", "html", folder=tmp_path).out


@pytest.mark.parametrize("closed", ["1", "2"])
def test_a_stream_that_the_shell_has_closed(closed, tmp_path):
    line = f"{sys.executable} -m gradlint --list-rules {closed}>&-"
    done = subprocess.run(line, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert bool(done.stdout) is (closed == "2")


@pytest.mark.parametrize("word", ["--no-such-option", "no-such-file.keras"])
def test_a_mistake_that_nobody_can_be_told_of(word, tmp_path):
    done = subprocess.run(f"{sys.executable} -m gradlint {word} 2>&-", shell=True, cwd=tmp_path, capture_output=True)
    assert (done.returncode, done.stdout) == (2, b"")
