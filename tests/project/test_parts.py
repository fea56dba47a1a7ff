"""Parts of a run: together they say what the run says, byte for byte, and what is no such part is refused."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from in_turn import in_turn
from test_wire import GRAPH, RESULT

from gradlint import cli
from gradlint.errors import UsageError
from gradlint.finding import Severity
from gradlint.passes.layers import streamed
from gradlint.project import targets
from gradlint.project.parts import Run, Shard, joined, part_from, part_text
from gradlint.project.wire import MalformedError, result_from_data, result_to_data
from gradlint.report import FORMATS
from gradlint.result import LateGraph

if TYPE_CHECKING:
    from pathlib import Path

    from gradlint.result import Result

DRAWN = replace(RESULT, drawn=LateGraph.of(streamed(GRAPH)))
NAMES = ["broken", "warned", "unreadable", "clean", "towers"]
TOML = 'ignore = ["GL205"]\n[per-layer-ignores]\n"nowhere" = ["GL104"]\n' + "".join(
    f'[targets.{name}]\nmodel = "{name}.keras"\n' for name in NAMES
)


def check(model: str, sample: str | None, options: dict[str, object], *_: object, **__: object) -> Result:
    """Findings by the name of the model, as they come from another process."""
    if "unreadable" in model:
        raise UsageError(f"{model} is no model")
    found = {"broken": RESULT.findings, "warned": RESULT.findings[1:]}.get(model.removesuffix(".keras"), ())
    result = replace(DRAWN, target=model, findings=found, fail_on=str(options["fail_on"]))
    return result_from_data(json.loads(json.dumps(result_to_data(result))))


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(targets, "guarded_check", check)
    monkeypatch.setattr(targets, "outcomes", in_turn)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gradlint.toml").write_text(TOML)
    (tmp_path / "train.py").write_text("import tensorflow as tf\nx = 1  # gradlint: ignore[GL601]\n")
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = cli.main(list(arguments))
    out, err = capsys.readouterr()
    return status, out, err


def written(capsys: pytest.CaptureFixture[str], of: int, *arguments: str) -> list[str]:
    """The files of the parts, the last part first."""
    for number in range(1, of + 1):
        said(capsys, *arguments, "--shard", f"{number}/{of}", "--output", f"part-{number}.json")
    return [f"part-{number}.json" for number in range(of, 0, -1)]


@pytest.mark.parametrize("of", [1, 3, 7])  # seven: some parts have no target
@pytest.mark.parametrize("form", [form for form in FORMATS if form != "html"])
def test_the_report_is_that_of_one_run(form: str, of: int, capsys: pytest.CaptureFixture[str]) -> None:
    parts = written(capsys, of)
    assert said(capsys, "merge", *parts, "--format", form) == said(capsys, "--format", form)


def test_pages_too(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts = written(capsys, 2)
    (project / "one").mkdir()
    (project / "merged").mkdir()
    whole = said(capsys, "--output", "one/r.html")
    assert said(capsys, "merge", *parts, "--output", "merged/r.html") == whole
    pages = sorted(path.relative_to(project / "one") for path in (project / "one").rglob("*.html"))
    assert len(pages) == 5
    for page in pages:
        assert (project / "merged" / page).read_bytes() == (project / "one" / page).read_bytes()
    assert "Gradient flow" in (project / "merged/r_files/clean.html").read_text()


def test_source_and_the_baseline_are_told_once(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "gradlint.toml").write_text('baseline = "known.json"\n' + TOML.replace("unreadable", "other"))
    assert said(capsys, "--write-baseline")[0] == 0
    text = (project / "known.json").read_text()
    (project / "known.json").write_text(text.replace('"GL201"', '"GL101"'))
    arguments = ("train.py", "broken", "warned", "clean")
    parts = written(capsys, 2, *arguments)
    status, out, err = said(capsys, *arguments)
    assert said(capsys, "merge", *parts) == (status, out, err)
    assert err.count("gone from broken: GL101") == 1
    assert "train.py" in err


def test_parts_that_do_not_fit(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two, three = reversed(written(capsys, 3))
    assert "part 2 of 3 is missing" in said(capsys, "merge", one, three)[2]
    assert "part 2 of 3 is there more than once" in said(capsys, "merge", one, two, two, three)[2]
    (project / "gradlint.toml").write_text(TOML + '[targets.more]\nmodel = "more.keras"\n')
    said(capsys, "--shard", "3/3", "--output", three)
    assert "parts of different runs" in said(capsys, "merge", one, two, three)[2]
    (project / "other.json").write_text('{"part": 1, "gradlint": "0.0.1"}')
    assert "gradlint 0.0.1 wrote it" in said(capsys, "merge", "other.json")[2]
    said(capsys, "--format", "json", "--output", "report.json")
    status, _, err = said(capsys, "merge", "report.json")
    assert status == 2
    assert "report.json is no part of a run" in err
    assert "needs the files" in said(capsys, "merge")[2]
    assert "absent.json cannot be read" in said(capsys, "merge", "absent.json")[2]


@pytest.mark.parametrize("word", ["0/3", "4/3", "3", "a/b", "1/"])
def test_what_is_no_part(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--shard", word])
    assert "is not K/N" in capsys.readouterr().err


def test_a_part_of_one_model_makes_no_sense(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--shard is for several targets" in said(capsys, "clean", "--shard", "1/2")[2]


def test_what_is_not_finite_stays_apart() -> None:
    shown = replace(RESULT.findings[0], evidence={"a": math.nan, "b": -math.inf, "c": None}, severity=Severity.INFO)
    run = Run(("x",), (targets.Settled("x", replace(DRAWN, findings=(shown,))),), shard=Shard(1, 1))
    text = part_text(run)
    json.loads(text, parse_constant=lambda name: pytest.fail(name))
    (done,) = joined([part_from(text)]).outcomes
    assert isinstance(done, targets.Settled)
    evidence = done.result.findings[0].evidence
    assert math.isnan(evidence["a"])  # type: ignore[arg-type]
    assert (evidence["b"], evidence["c"]) == (-math.inf, None)
    assert done.result.variables == RESULT.variables
    assert done.result.graph is not None


@pytest.mark.parametrize("change", [{"outcomes": [{}]}, {"names": [3]}, {"whole": "yes"}, {"shard": {"number": 1}}])
def test_what_a_stranger_wrote_is_refused(change: dict[str, object]) -> None:
    data = json.loads(part_text(Run(("x",), (targets.Settled("x", RESULT),)))) | change
    with pytest.raises(MalformedError):
        part_from(json.dumps(data))
