"""A report grows in proportion to what it reports: counted, not timed, at three sizes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from shared_result import FINDINGS, HEALTHY

from gradlint.finding import Cause, Finding, Severity
from gradlint.outcome import Checked
from gradlint.report import FORMATS, json, markdown, sarif, several, text
from gradlint.report.text import MOST_OF_CODE, Style
from gradlint.result import GradientState, InputStatus, Result, VariableStatus

SIZES = (150, 300, 600)
PEOPLE = ("table", "concise", "markdown", "html", "github")


class Counted(tuple[str, ...]):
    """A tuple of names that counts how many of them were looked at, all tuples together."""

    seen = 0

    def __iter__(self):
        for each in super().__iter__():
            Counted.seen += 1
            yield each

    def __getitem__(self, key):
        found = super().__getitem__(key)
        Counted.seen += len(found) if isinstance(key, slice) else 1
        return found


def crowded(number: int, *, length: int = 8) -> Result:
    """As many findings as keys; each finding lists every key."""
    keys = [f"feature_{'x' * length}_{index}" for index in range(number)]
    every = Counted(keys)
    findings = tuple(
        Finding(
            "GL401",
            "missing-input",
            Severity.ERROR,
            f"the model's input {key!r} is not in the sample",
            every,
            every,
            Cause(layer=key),
            {"sample_keys": keys},
        )
        for key in keys
    )
    inputs = tuple(InputStatus(key, (1,), "float32", GradientState.ABSENT) for key in keys)
    return replace(HEALTHY, findings=findings, inputs=inputs, variables=())


@pytest.fixture
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that the sizes are beyond."""
    for module in (text, markdown, sarif):
        monkeypatch.setattr(module, "MOST_COMPARED", 50)
    monkeypatch.setattr(json, "MOST_NAMES", 1000)
    monkeypatch.setattr(text, "MOST_OF_CODE", 20)


@pytest.mark.usefixtures("small_bounds")
@pytest.mark.parametrize("format", FORMATS)
def test_the_text_grows_in_proportion(format: str) -> None:
    lengths = [len(FORMATS[format](crowded(size), Style())) for size in SIZES]
    assert lengths[2] - lengths[1] < 2.3 * max(lengths[1] - lengths[0], 1000), lengths


@pytest.mark.parametrize("format", FORMATS)
def test_long_names_are_not_repeated_whole(format: str) -> None:
    """What a finding lists besides its own keys, every other may list, too."""
    others = [f"{'x' * 60_000}{index}" for index in range(20)]
    findings = tuple(
        Finding("GL401", "missing-input", Severity.ERROR, "missing", (str(index),), evidence={"sample_keys": others})
        for index in range(100)
    )
    assert len(FORMATS[format](replace(HEALTHY, findings=findings), Style())) < 100 * 20 * 300


@pytest.mark.usefixtures("small_bounds")
@pytest.mark.parametrize("format", [*PEOPLE, "junit", "json", "sarif"])
def test_the_work_grows_in_proportion(format: str) -> None:
    looks = []
    for size in SIZES:
        Counted.seen = 0
        FORMATS[format](crowded(size), Style())
        looks.append(Counted.seen)
    assert looks[2] < 2.6 * max(looks[1], 3000), looks


@pytest.mark.parametrize("format", PEOPLE)
def test_people_see_the_first_hundred_of_a_rule_and_the_number_of_the_others(format: str) -> None:
    report = FORMATS[format](crowded(400), Style())
    shown = sum(f"feature_xxxxxxxx_{index}{end}" in report for index in range(400) for end in ("'", "&#"))
    assert shown <= MOST_OF_CODE + 4
    if format != "markdown":
        assert "300 more of GL401" in report


@pytest.mark.parametrize("number", [1, 100, 1000])
@pytest.mark.parametrize("length", [8, 5000])
def test_markdown_fits_in_a_comment(number: int, length: int) -> None:
    result = crowded(number, length=length)
    result = replace(result, target="t" * length * 3, notes=tuple("n" * length for _ in range(number)))
    report = FORMATS["markdown"](result, Style())
    assert len(report) < 65_536
    assert len(report.encode("utf-16-le")) < 2 * 65_536
    assert "exit status 1" in report


def test_the_summary_of_several_targets_keeps_to_a_narrow_terminal() -> None:
    """Its lines ran on, and the terminal broke them inside of words."""
    done = [Checked(name, replace(HEALTHY, findings=FINDINGS)) for name in ("models/a.keras", "m" * 50)]
    narrow, wide = (several.summary(done, Style(width=width)) for width in (60, 1000))
    assert max(map(len, narrow.splitlines())) <= 60
    assert narrow.split() == wide.split()
    assert len(wide.splitlines()) == 4


def test_several_targets_share_one_comment() -> None:
    for number in (1, 3, 40, 400):
        report = several.render(
            [Checked(f"target{index}", crowded(150)) for index in range(number)], "markdown", Style()
        )
        assert len(report) < 65_536


@pytest.mark.parametrize("format", PEOPLE)
def test_long_names_are_shortened(format: str) -> None:
    report = FORMATS[format](crowded(3, length=100_000), Style())
    assert len(report) < (500_000 if format == "html" else 60_000)


def test_json_lists_everything_as_long_as_that_is_bounded() -> None:
    one = replace(crowded(2000), findings=crowded(2000).findings[:1])
    assert FORMATS["json"](one).count("feature_xxxxxxxx_1999") == 4  # input, variable, evidence, status
    variables = tuple(
        VariableStatus(f"v{n}", (), "float32", True, GradientState.FINITE, 1.0, tuple(f"k{m}" for m in range(2000)))
        for n in range(2000)
    )
    assert len(FORMATS["json"](replace(HEALTHY, variables=variables))) < 4_000_000
