"""The pytest plugin, with a stand-in for `check()`: the fixture, the marker, and what `--gradlint` collects."""

from __future__ import annotations

import json
import os
import subprocess
import xml.etree.ElementTree as ET
from fnmatch import fnmatch
from importlib.metadata import entry_points

import pytest
from stand_ins import write_stand_ins

# Imported here once: pytester gives each inner run the modules of the outer one, and forgets what it adds.
import gradlint.checking
import gradlint.project.pytest_items  # noqa: F401
from gradlint.project.serving import FORKS

pytest_plugins = ["pytester"]

STAND_IN = """
import json, os, pathlib
import gradlint.checking as checking
import gradlint.project.targets as targets
from gradlint import Cause, Finding, Result, Severity, UsageError

STOPPED = Finding(
    "GL104", "stop-gradient", Severity.ERROR, "Stopped.", (), tuple(f"target_net/d{n}/kernel" for n in range(9)),
    Cause("lambda", "StopGradient"), {"weight": 0.5},
)
DEAD = Finding("GL202", "dead-relu", Severity.WARNING, "Dead.", cause=Cause("relu", "Relu"))
REAL = checking.check, targets.check_apart

def check(model, sample=None, **options):
    options = {name: value for name, value in options.items() if name not in ("progress", "limits")}
    with pathlib.Path("calls.txt").open("a") as calls:
        calls.write(json.dumps([str(model), sample and str(sample), options], default=list) + "\\n")
    name = str(model)
    if "unreadable" in name:
        raise UsageError(f"{name} is no model")
    findings = [STOPPED] if "broken" in name else [DEAD] if "warned" in name else []
    findings = findings * 8 if "often" in name else findings
    return Result(
        name, "a model", "a sample", "mse", "values", tuple(findings), rules=("GL104", "GL202"),
        fail_on=options.get("fail_on", "error"),
    )

def in_this_process(model, sample, options, guard, worker, **_):
    return check(model, sample, **options)

def pytest_configure():
    checking.check, targets.check_apart = check, in_this_process

def pytest_unconfigure():
    checking.check, targets.check_apart = REAL
"""
TARGETS = """
[tool.gradlint.targets.clean]
model = "clean.keras"
seed = 7
[tool.gradlint.targets.broken]
model = "broken.keras"
[tool.gradlint.targets.warned]
model = "warned.keras"
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    pytester.makeconftest(STAND_IN)
    pytester.makepyprojecttoml(TARGETS)
    for name in ("models/own.keras", "models/own.npz", "models/alone.keras", "models/deep/broken.keras"):
        file = pytester.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (pytester.path / "models/deep/broken.npz").touch()
    return pytester


def run(pytester: pytest.Pytester, *arguments: str, way: str = "inprocess") -> pytest.RunResult:
    registered = "gradlint" in {entry.name for entry in entry_points(group="pytest11")}
    plugin = [] if registered else ["-p", "gradlint.pytest_plugin"]
    # Hypothesis would be imported anew by every inner run, for its line in the header.
    return getattr(pytester, f"runpytest_{way}")(*plugin, "-p", "no:hypothesispytest", *arguments)


# -- the fixture -------------------------------------------------------------------------------------


def test_the_fixture_asserts_and_is_the_module(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        def test_clean(gradlint):
            gradlint.assert_gradients_flow("clean", {"a": 1}, loss="mse")
            assert gradlint.Result.__module__ == "gradlint.result"
            assert gradlint.Severity.ERROR.value == "error"

        def test_allowed(gradlint):
            gradlint.assert_gradients_flow("broken", allow={"GL104": "target_*"})

        def test_allowed_in_vain(gradlint):
            with pytest.raises(gradlint.UsageError, match="GL104 at 'teacher' fits no finding"):
                gradlint.assert_gradients_flow("clean", allow={"GL104": "teacher"})

        def test_broken(gradlint):
            with pytest.raises(AssertionError) as failed:
                gradlint.assert_gradients_flow("broken", allow={"GL104": "teacher"})
            assert str(failed.value).startswith("gradients do not flow: GL104 at lambda\\n\\nbroken\\n")
            assert str(failed.value).endswith("GL104 at 'teacher' fits no finding; remove it")
            assert failed.value.result.findings
        """
    )
    run(project).assert_outcomes(passed=4)


def test_the_closest_marker_wins(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import json, pytest

        pytestmark = pytest.mark.gradlint(seed=1, depth="values")

        @pytest.mark.gradlint(seed=2, ignore=["GL202"], allow={"GL104": "target_*"})
        class TestIt:
            @pytest.mark.gradlint(seed=3)
            def test_call(self, gradlint):
                gradlint.assert_gradients_flow("broken", mode="inference")
                gradlint.assert_gradients_flow("broken", seed=4)

        @pytest.mark.gradlint("GL202")
        def test_by_position(gradlint):
            pass
        """
    )
    ran = run(project, "--strict-markers")
    ran.assert_outcomes(passed=1, errors=1)
    ran.stdout.fnmatch_lines(["*takes options by name*"])
    calls = [line.partition(", null, ")[2] for line in (project.path / "calls.txt").read_text().splitlines()]
    assert calls == [
        '{"seed": 3, "depth": "values", "ignore": ["GL202"], "mode": "inference"}]',
        '{"seed": 4, "depth": "values", "ignore": ["GL202"]}]',
    ]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("fail_onn='never'", "has no option 'fail_onn'; did you mean 'fail_on'?"),
        ("alow={}", "has no option 'alow'; did you mean 'allow'?"),
        ("optimisers=[]", "has no option 'optimisers'; did you mean 'optimizers'?"),
        ("zzz=1", "has no option 'zzz'"),
        ("epochs=3", "epochs is not needed: *"),
    ],
)
def test_a_marker_names_its_mistake(project: pytest.Pytester, option: str, said: str) -> None:
    """Whatever the test asserts: a check of a step would take none of these, and say nothing."""
    project.makepyfile(
        f"""
        import pytest

        @pytest.mark.gradlint(seed=3, batch_size=2, {option})
        class TestIt:
            def test_step(self, gradlint):
                gradlint.assert_step_flows(print)

        @pytest.mark.gradlint({option})
        def test_without_the_fixture():
            pass
        """
    )
    ran = run(project)
    ran.assert_outcomes(passed=1, errors=1)
    ran.stdout.fnmatch_lines([f"*UsageError: pytest.mark.gradlint of *::TestIt*{said}"])
    assert "pytest_plugin.py" not in ran.stdout.str()


def test_a_marker_of_a_test_without_the_fixture_is_warned_of(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.gradlint(seed=1)  # of the whole file: for the tests that ask

        @pytest.mark.gradlint(fail_on="warning")
        def test_forgotten():
            pass

        @pytest.mark.gradlint(fail_on="warning")
        def test_asks(gradlint):
            pass

        def test_other():
            pass
        """
    )
    result = run(project, "-W", "default")
    result.assert_outcomes(passed=3, warnings=1)
    result.stdout.fnmatch_lines(
        ["*PytestWarning: test_forgotten: pytest.mark.gradlint gives defaults*does not ask for*"]
    )


def test_a_check_that_could_not_run_ends_the_traceback_at_the_test(project: pytest.Pytester) -> None:
    project.makepyfile("def test_it(gradlint):\n    gradlint.assert_gradients_flow('unreadable')")
    result = run(project)
    result.stdout.fnmatch_lines(["*Error: unreadable *"])
    assert "conftest.py" not in result.stdout.str()
    assert len(result.outlines) < 25
    assert len(run(project, "-vv").outlines) > len(result.outlines)


def test_the_fixture_offers_training_steps(project: pytest.Pytester) -> None:
    """What the marker names, and only what a step's check takes, is the default; the rest would go to the step."""
    project.makepyfile(
        """
        import keras, pytest
        import numpy as np
        import tensorflow as tf

        pytestmark = pytest.mark.gradlint(imports=["layers.py"], ignore=["GL619"], allow={"GL102": "net/kept*"})

        @pytest.fixture
        def net():
            x = keras.Input((3,))
            hidden = keras.layers.Dense(2, name="dense")(x)
            return keras.Model(x, keras.layers.Dense(1, name="kept")(hidden), name="net")

        def step(net, rate):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(net(np.ones((4, 3), "float32"))) * rate
            return [float(tf.norm(slope)) for slope in tape.gradient(loss, net.layers[1].trainable_variables)]

        def test_allowed(gradlint, net):
            gradlint.assert_step_flows(step, net, rate=2.0, models=[net], fail_on="warning")

        def test_not_allowed(gradlint, net):
            with pytest.raises(gradlint.GradientsDoNotFlow, match="GL102"):
                gradlint.assert_step_flows(step, net, rate=2.0, models=[net], fail_on="warning", allow={})

        def test_results(gradlint, net):
            with gradlint.watch(net) as watched:
                step(net, rate=2.0)
            for result in (watched.result, gradlint.check_step(step, net, rate=2.0, models=[net])):
                assert "GL102" in [finding.code for finding in result.findings]
                assert "GL619" not in result.rules
        """
    )
    run(project, way="subprocess").assert_outcomes(passed=3)  # with Keras, which cannot be imported twice


@pytest.mark.parametrize("call", ["gradlint.assert_gradients_flow('broken')", "g.assert_gradients_flow('broken')"])
def test_a_failure_is_folded_unless_told(project: pytest.Pytester, call: str) -> None:
    project.makepyfile(f"import gradlint as g\ndef test_it(gradlint):\n    {call}")
    folded = run(project)
    folded.assert_outcomes(failed=1)
    folded.stdout.fnmatch_lines(["*9 variables under target_net/: d0/kernel, d1/kernel, d2/kernel and 6 more"])
    folded.stdout.no_fnmatch_line("*target_net/d8/kernel*")
    folded.stdout.no_fnmatch_line("*checking.py*")  # the traceback ends in the test
    full = run(project, "-vv")
    full.stdout.fnmatch_lines(["*target_net/d8/kernel", "*weight: 0.5"])


def test_many_findings_are_counted(project: pytest.Pytester) -> None:
    project.makepyfile("def test_it(gradlint):\n    gradlint.assert_gradients_flow('broken often')")
    folded = run(project).stdout.str()
    assert folded.count("error GL104 stop-gradient") == 5
    assert "and 3 more findings; pytest -vv shows all of them" in folded
    assert "8 errors" in folded
    assert run(project, "-vv").stdout.str().count("error GL104 stop-gradient") >= 8


# -- what is collected -------------------------------------------------------------------------------


def test_nothing_is_collected_unasked(project: pytest.Pytester) -> None:
    project.makepyfile("import sys\ndef test_it(): assert 'gradlint.project.pytest_items' not in sys.modules")
    run(project, way="subprocess").assert_outcomes(passed=1)


def names(ran: pytest.RunResult) -> list[str]:
    return sorted(line for line in ran.outlines if "::" in line and " " not in line)


@pytest.mark.parametrize(
    "arguments",
    [(), (".",), ("models",), ("models", "pyproject.toml"), (".", "pyproject.toml"), ("models", "models/deep")],
    ids=" ".join,
)
def test_targets_and_pairs_are_items_once(project: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    if len(arguments) > 1 and arguments != ("models", "pyproject.toml") and pytest.version_tuple < (9,):
        pytest.skip("pytest 8 loses what is below the first of two paths that overlap")
    ran = run(project, "--gradlint", "--collect-only", "-q", *arguments)
    assert names(ran) == [
        "models/deep/broken.keras::broken",
        "models/own.keras::own",
        "pyproject.toml::broken",
        "pyproject.toml::clean",
        "pyproject.toml::warned",
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["pyproject.toml::clean"], ["pyproject.toml::clean"]),
        (["-k", "own or warned"], ["models/own.keras::own", "pyproject.toml::warned"]),
        (["-m", "gradlint", "-k", "own"], ["models/own.keras::own"]),
        (["-m", "not gradlint"], []),
    ],
)
def test_items_are_chosen_by_name(project: pytest.Pytester, arguments: list[str], expected: list[str]) -> None:
    assert names(run(project, "--gradlint", "--collect-only", "-q", *arguments)) == expected


def test_what_items_do(project: pytest.Pytester) -> None:
    (project.path / "models/own.keras").rename(project.path / "models/unreadable.keras")
    (project.path / "models/own.npz").rename(project.path / "models/unreadable.npz")
    ran = run(project, "--gradlint", "--junitxml=report.xml", "-rA")
    ran.assert_outcomes(passed=2, failed=3)
    text = ran.stdout.str()
    assert "FAILED pyproject.toml::broken" in text
    assert "gradients do not flow: GL104 at lambda\n" in text
    assert "models/unreadable.keras is no model\n" in text
    assert "Traceback" not in text
    assert "targets.py" not in text
    cases = {
        (case.get("classname"), case.get("name")): [child.tag for child in case]
        for case in ET.parse(project.path / "report.xml").iter("testcase")
    }
    assert cases["pyproject.toml", "broken"] == ["failure"]
    assert cases["pyproject.toml", "clean"] == []
    assert cases["models.deep.broken.keras", "broken"] == ["failure"]


def test_an_item_that_cannot_run_says_what_to_write_in_the_configuration(project: pytest.Pytester) -> None:
    """It named an option of the command line, which pytest does not have."""
    stand_in = STAND_IN.replace("is no model", "holds the unknown class 'Own'; pass --import mymodel (or its .py file)")
    project.makeconftest(stand_in)
    (project.path / "models/own.keras").rename(project.path / "models/unreadable.keras")
    (project.path / "models/own.npz").rename(project.path / "models/unreadable.npz")
    text = run(project, "--gradlint").stdout.str()
    assert "unknown class 'Own'; say imports = [\"mymodel\"] under [tool.gradlint] (or its .py file)" in text


@pytest.mark.skipif(not FORKS, reason="processes that are copied")
def test_a_crash_costs_its_item(project: pytest.Pytester) -> None:
    """The checks are real ones; TensorFlow is a stand-in."""
    (project.path / "conftest.py").unlink()
    toml = """
        [tool.gradlint.targets.crash]
        model = "own:crash"
        [tool.gradlint.targets.next]
        model = "own:build"
    """
    project.makepyprojecttoml(toml)
    write_stand_ins(project.path / "installed")
    (project.path / "own.py").write_text("import os\ndef crash(): os.abort()\ndef build(): pass")
    project.syspathinsert(project.path / "installed")
    ran = run(project, "--gradlint", "pyproject.toml")
    ran.assert_outcomes(failed=2)
    text = ran.stdout.str()
    assert "the check crashed while loading the model (SIGABRT" in text
    assert "own:build returned NoneType" in text


def test_the_first_failure_ends_it_and_the_last_failed_come_back(project: pytest.Pytester) -> None:
    run(project, "--gradlint", "-x", "pyproject.toml").assert_outcomes(passed=1, failed=1)
    run(project, "--gradlint", "pyproject.toml").assert_outcomes(passed=2, failed=1)
    again = run(project, "--gradlint", "--lf", "-v", "pyproject.toml")
    again.assert_outcomes(failed=1, deselected=2)
    again.stdout.fnmatch_lines(["pyproject.toml::broken FAILED*"])
    run(project, "--gradlint", "--ff", "-x", "pyproject.toml").assert_outcomes(failed=1)


@pytest.mark.parametrize("way", ["inprocess", "subprocess"])
def test_distributed_by_xdist(project: pytest.Pytester, way: str) -> None:
    ran = run(project, "--gradlint", "-n", "2", "-v", "models", way=way)
    ran.assert_outcomes(passed=3, failed=2)
    ran.stdout.fnmatch_lines(["*PASSED pyproject.toml::clean*"])


def test_settings_baseline_and_ignores_of_the_file_hold(project: pytest.Pytester) -> None:
    from gradlint.project.baseline import Identity, baseline_text

    known = Identity("GL104", "StopGradient", "lambda", (), "", "", "")
    text = baseline_text({"broken": (known,), "models/deep/broken.keras": ()})
    (project.path / "known.json").write_text(text)
    project.makepyprojecttoml(
        '[tool.gradlint]\nbaseline = "known.json"\nfail-on = "warning"\nmode = "inference"\n'
        '[tool.gradlint.per-layer-ignores]\n"target_*" = ["GL104"]\n"nowhere" = ["GL202"]\n'
        '[tool.gradlint.targets.broken]\nmodel = "broken.keras"\nseed = 7\n'
        '[tool.gradlint.targets.warned]\nmodel = "warned.keras"\n'
        '[tool.gradlint.targets.vain]\nmodel = "clean.keras"\nper-layer-ignores = { "teacher" = ["GL104"] }\n'
    )
    ran = run(project, "--gradlint")
    ran.assert_outcomes(passed=3, failed=2)
    ran.stdout.fnmatch_lines(["pyproject.toml:15: GL104 at 'teacher' fits no finding; remove it"])
    asked = [json.loads(line) for line in (project.path / "calls.txt").read_text().splitlines()]
    (options,) = (options for model, sample, options in asked if (model, sample) == ("broken.keras", None))
    assert {name: options[name] for name in ("mode", "seed", "fail_on")} == {
        "mode": "inference", "seed": 7, "fail_on": "warning",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.gradlint]\nslect = []", "*pyproject.toml:2: tool.gradlint.slect is not known; did you mean select?*"),
        ("[tool.gradlint]\nbaseline = 'gone.json'\n[tool.gradlint.targets.a]\nmodel = 'a.keras'", "*no baseline*"),
    ],
)
def test_mistakes_in_the_file(project: pytest.Pytester, text: str, message: str) -> None:
    project.makepyprojecttoml(text)
    ran = run(project, "--gradlint")
    assert ran.ret in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.TESTS_FAILED)
    assert fnmatch(f"{ran.stdout}{ran.stderr}", message)


# -- what it costs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["inprocess", "subprocess"])
def test_switched_off(pytester: pytest.Pytester, way: str) -> None:
    if "gradlint" not in {entry.name for entry in entry_points(group="pytest11")}:
        pytest.skip("not installed, so there is nothing to switch off")
    pytester.makepyfile("def test_it(): pass\ndef test_fixture(gradlint): pass")
    ran = run(pytester, "-p", "no:gradlint", way=way)
    ran.assert_outcomes(passed=1, errors=1)
    assert run(pytester, "-p", "no:gradlint", "--gradlint", way=way).ret == pytest.ExitCode.USAGE_ERROR


def test_start_up_imports_the_plugin_only(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_not_imported_yet():
            ours = {name for name in sys.modules if name.split(".")[0] == "gradlint"}
            assert ours == {"gradlint", "gradlint.pytest_plugin", "gradlint.version"}
            assert not {"tensorflow", "keras", "numpy", "networkx"} & set(sys.modules)
        """
    )
    run(pytester, way="subprocess").assert_outcomes(passed=1)


OLDEST = "GRADLINT_OLDEST_PYTEST"
"""Names the Python of an environment with gradlint, pytest 8.0 and pytest-xdist 3.5."""


@pytest.mark.skipif(OLDEST not in os.environ, reason=f"${OLDEST} names no Python")
def test_the_oldest_pytest() -> None:
    python = os.environ[OLDEST]
    version = subprocess.run([python, "-m", "pytest", "--version"], capture_output=True, text=True, check=True).stdout
    assert version.startswith("pytest 8.0.")
    others = {name: value for name, value in os.environ.items() if name != OLDEST}
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(command, env=others, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
