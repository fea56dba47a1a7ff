"""Who imports whom, and what an import or a look-up costs: heavy packages stay at the edge."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import networkx as nx
import pytest

import gradlint

HEAVY = ("tensorflow", "keras", "h5py")
NUMERIC = (*HEAVY, "numpy", "networkx", "tabulate", "argparse")


PACKAGE = Path(gradlint.__file__).parent


def imports(package: Path) -> nx.DiGraph:
    """The modules of a package and what each imports: at its top, inside of functions, and for types alone.

    Who imports a module of a room runs the room's `__init__` as well.
    """
    files = {}
    for file in package.rglob("*.py"):
        parts = (package.name, *file.relative_to(package).with_suffix("").parts)
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    graph = nx.DiGraph()
    graph.add_nodes_from(files)
    for module, file in files.items():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            named: list[str] = []
            if isinstance(node, ast.Import):
                named = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file}:{node.lineno} imports by a relative name"
                inner = [f"{node.module}.{alias.name}" for alias in node.names]
                named = [name if name in files else str(node.module) for name in inner]
            for name in named:
                rooms = [name[: dot.start()] for dot in re.finditer(r"\.", name)][1:]
                ran = [name, *(room for room in rooms if not module.startswith(f"{room}."))]
                graph.add_edges_from((module, other) for other in ran if other in files and other != module)
    return graph


def test_no_module_comes_back_to_itself() -> None:
    graph = imports(PACKAGE)
    assert graph.number_of_edges() > 1000
    assert [sorted(circle) for circle in nx.strongly_connected_components(graph) if len(circle) > 1] == []


def test_a_circle_of_lazy_and_type_imports_is_seen(tmp_path: Path) -> None:
    package = tmp_path / "p"
    package.mkdir()
    (package / "__init__.py").write_text("TYPE_CHECKING = False\nif TYPE_CHECKING:\n    from p.a import f\n")
    (package / "a.py").write_text("def f():\n    from p import b\n")
    (package / "b.py").write_text("import p\n")
    assert max(nx.strongly_connected_components(imports(package)), key=len) == {"p", "p.a", "p.b"}


def imported_by(code: str, suspects: tuple[str, ...]) -> list[str]:
    """Those of `suspects` that a fresh interpreter has imported after `code`; its own exit is ignored."""
    lines = [
        "import sys, contextlib",
        # pytest puts plugins of the environment aside; coverage and site hooks may import what they like.
        "before = set(sys.modules)",
        "with contextlib.suppress(SystemExit):",
        *(f"    {line}" for line in code.splitlines()),
        f"print('\\nfound', [m for m in {suspects!r} if m in sys.modules and m not in before])",
    ]
    run = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    found: list[str] = eval(run.stdout.rpartition("found ")[2])
    return found


def test_the_package_imports_next_to_nothing() -> None:
    assert imported_by("import gradlint\ngradlint.__version__", NUMERIC) == []
    assert imported_by("import gradlint\ngradlint.Result, gradlint.Finding, gradlint.UsageError", NUMERIC) == []


def test_the_pytest_plugin_imports_pytest_only() -> None:
    assert imported_by("import gradlint.pytest_plugin", (*HEAVY, "numpy", "networkx", "tabulate")) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["--list-rules"],
        ["--explain", "GL103"],
        ["--explain", "GL000"],
        [],
        ["model.keras", "--select", "GL000"],
        ["model.keras", "--format", "nothing"],
        ["model.keras", "--depth", "structure"],
        ["no-such-file.keras"],
        ["no-such-file.keras", "--depth", "preflight"],
        ["README.md", "pyproject.toml"],
    ],
    ids=" ".join,
)
def test_answers_that_need_no_tensorflow(arguments: list[str]) -> None:
    assert imported_by(f"from gradlint.cli import main\nmain({arguments!r})", HEAVY) == []


@pytest.mark.parametrize("form", ["table", "json"])
def test_what_is_told_on_paper_needs_no_room_that_runs_a_model(form: str) -> None:
    model = PACKAGE.parent / "fixtures" / "concat_dense.keras"
    arguments = [str(model), "--depth", "preflight", "--format", form, "--no-cache", "--no-isolate"]
    rooms = ("checking.looking", "checking.own_steps", "checking.step", "load.model", "record.run", "experiments")
    rooms = (*rooms, "record.recording", "record.step_record", "source.module", "source.verdicts")
    reports = ("report.sarif", "report.junit", "report.markdown")
    unwanted = ("tabulate", *(f"gradlint.{name}" for name in (*rooms, *reports)))
    code = f"from gradlint.cli import main\nmain({arguments!r})"
    assert imported_by(code, (*unwanted, "gradlint.checking.road")) == ["gradlint.checking.road"]


def test_public_names_are_where_they_are_said_to_be() -> None:
    light = [name for name in gradlint.__all__ if name not in ("check", "assert_gradients_flow", "assert_step_flows")]
    for name in light:
        assert getattr(gradlint, name)
    assert set(gradlint.__all__) == set(gradlint._HOME) | {"__version__"}
    assert gradlint.__all__ == sorted(gradlint.__all__)
    assert dir(gradlint) == gradlint.__all__


def test_other_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'chek'"):
        _ = gradlint.chek


def test_every_file_of_tests_has_a_name_of_its_own() -> None:
    """The folders of tests are no packages: pytest collects no two modules of one name."""
    names = Counter(path.name for path in Path(__file__).parent.rglob("test_*.py"))
    assert [name for name, number in names.items() if number > 1] == []
