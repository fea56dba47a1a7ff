"""The files of a new rule: `python -m gradlint.catalogue --new GL299 unscaled-input`.

They state what a rule needs and leave what only its author knows: until the placeholders are filled, its tests fail.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint import version
from gradlint.errors import UsageError
from gradlint.rule import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gradlint.rule import Rule

_CODE = re.compile(r"GL[1-9]\d\d")
_NAME = re.compile(r"[a-z]+(-[a-z]+)*")

_RULE = '''\
"""{code} {name}: what is wrong, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.rule import Rule
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts

DOC = """\\
{sections}"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding for each ..."""
    # Everything a rule may ask is in `Facts`. What two rules need is a pass, not a helper.
    yield from ()


RULE = Rule(
    code="{code}",
    name="{name}",
    loses=Consequence.UNHEARD,  # what is lost; how loud that is follows from the table in `gradlint.severity`
    advice="One line on what to do.",
    doc=DOC,
    check=check,
    needs=frozenset(),  # what must be computed for it: `gradlint.rule.Need`
    since="{since}",
)
'''

_EXAMPLE = """\
```python
keras.layers.Dense(1)(x)                                       # {code}: why
```

```python
keras.layers.Dense(1)(x)                                       # what is right
```
"""

_TEST = '''\
from __future__ import annotations

import pytest
from flows import flow, found

from gradlint.rules.{module} import RULE


def dense(**options):
    """A smallest model by hand; the options are those of `flows.flow`."""
    return flow("h = MatMul x k @dense", "-- loss", "loss() = Mean h", inputs=["x"], variables=["k"], **options)


FIRES = {{
    "the plainest case": (dense(gradients={{"k": "zero"}}), [("warning", (), ("k",), "dense MatMul")]),
}}
QUIET = {{
    "a healthy model": dense(),
    "a near miss": dense(gradients={{"k": 1e-30}}),
}}


@pytest.mark.parametrize(("subject", "expected"), FIRES.values(), ids=FIRES)
def test_fires(subject, expected):
    assert found(RULE, subject) == expected


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize("state", ["absent", "zero", 1e-30, "non-finite"])
def test_none_is_not_zero_and_zero_is_not_tiny(state):
    pytest.fail(f"say what this rule makes of a gradient that is {{state}}")
'''

_END_TO_END = '''\
"""A real model with the defect of {code}, and one that comes as close as a correct model can."""

from __future__ import annotations

import keras
import numpy as np

import gradlint


def build(wrong: bool):
    """A model and its sample."""
    keras.utils.set_random_seed(1)
    x = keras.Input((5,), name="x")
    model = keras.Model(x, keras.layers.Dense(1, name="head")(x))
    model.compile("adam", "mse")
    numbers = np.random.default_rng(0)
    scale = 1e6 if wrong else 1.0
    return model, {{
        "x": (scale * numbers.normal(size=(8, 5))).astype("float32"),
        "y": numbers.normal(size=(8, 1)).astype("float32"),
    }}


def codes(wrong: bool):
    result = gradlint.check(*build(wrong))
    assert result.skipped == ()
    return [finding.code for finding in result.findings]


def test_fires():
    assert codes(True) == ["{code}"]


def test_stays_quiet_where_it_almost_fires():
    assert codes(False) == []
'''


@dataclass(frozen=True, slots=True)
class Draft:
    """A new rule in a checkout.

    Attributes:
        root: of the checkout.
        code: `GL208`.
        name: `unscaled-input`; says what is wrong.
    """

    root: Path
    code: str
    name: str

    @property
    def module(self) -> str:
        return f"{self.code.lower()}_{self.name.replace('-', '_')}"

    @property
    def registry(self) -> Path:
        return self.root / "gradlint" / "rules" / "__init__.py"

    def files(self) -> dict[Path, str]:
        """The rule, its test and its end-to-end test, by path."""
        text = {title: "To be written.\n" for title in SECTIONS} | {"Example": _EXAMPLE.format(code=self.code)}
        words = {
            "code": self.code,
            "name": self.name,
            "module": self.module,
            "since": _next_release(version.__version__),
            "sections": "\n".join(f"## {title}\n\n{text[title]}" for title in SECTIONS),
        }
        tests = self.root / "tests"
        return {
            self.registry.parent / f"{self.module}.py": _RULE.format(**words),
            tests / "rules" / f"test_{self.module}.py": _TEST.format(**words),
            # By another name than its test with flows: pytest takes two files of one name for one.
            tests / "end_to_end" / f"test_real_{self.module}.py": _END_TO_END.format(**words),
        }


def write_rule(draft: Draft, rules: Iterable[Rule]) -> list[Path]:
    """Write the files of a new rule, and register it; gives their paths.

    Args:
        draft: the new rule.
        rules: those that there are.

    Raises:
        UsageError: the code or the name makes no sense or is taken, or there is no checkout.
    """
    if not _CODE.fullmatch(draft.code):
        raise UsageError(f"{draft.code!r} is no code of a rule; take one like GL208.")
    if not _NAME.fullmatch(draft.name):
        raise UsageError(f"{draft.name!r} is no name of a rule; take words and hyphens, such as unscaled-input.")
    for rule in rules:
        if draft.code == rule.code or draft.name == rule.name:
            raise UsageError(f"{rule.code} {rule.name} has this {'code' if draft.code == rule.code else 'name'}.")
    files = draft.files()
    lacking = [path.parent for path in files if not path.parent.is_dir()]
    if lacking or not draft.registry.is_file():
        raise UsageError(f"{draft.root} is no checkout of gradlint: rules are written in one.")
    if present := [path for path in files if path.exists()]:
        raise UsageError(f"{present[0]} exists already.")
    registered = _registered(draft.registry.read_text(encoding="utf-8"), draft.module)
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    draft.registry.write_text(registered, encoding="utf-8")
    return [*files, draft.registry]


def _registered(text: str, module: str) -> str:
    """The registry with one more module, in both of its sorted lists."""
    for line in (f"    {module},\n", f"    {module}.RULE,\n"):
        entry = re.compile(r"    gl\d{3}_\w+\.RULE,\n" if ".RULE" in line else r"    gl\d{3}_\w+,\n")
        entries = list(entry.finditer(text))
        if not entries:
            raise UsageError("gradlint/rules/__init__.py lists no rules as one a line.")
        place = next((found.start() for found in entries if found[0] > line), entries[-1].end())
        text = text[:place] + line + text[place:]
    return text


def _next_release(release: str) -> str:
    """The minor release after a version: new rules come with one."""
    major, minor, *_ = re.findall(r"\d+", release)
    return f"{major}.{int(minor) + 1}.0"
