"""Lines of code as people know them, in a notebook as in a file."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path

import pytest

from gradlint.cells import cell_of, line_as_typed, line_in_words

KERNEL = "/tmp/ipykernel_21827/1602320738.py"


@pytest.mark.parametrize(
    ("file", "line", "words"),
    [
        ("src/m.py", 3, "src/m.py:3"),
        ("src/m.py", None, "src/m.py"),
        ("<ipython-input-2-0f3a6b>", 22, "cell In[2], line 22"),
        ("<ipython-input-2-0f3a6b>", None, "cell In[2]"),
        ("/tmp/ipython-input-14-2768411423.py", 1, "cell In[14], line 1"),  # Colab's
        ("/tmp/ipython-input-2768411423.py", 1, "notebook cell, line 1"),
        (KERNEL, 15, "notebook cell, line 15"),
        ("<stdin>", 1, "<stdin>:1"),
        ("my-ipython-input-2-x/model.py", 1, "my-ipython-input-2-x/model.py:1"),
    ],
)
def test_a_line_in_words(file, line, words) -> None:
    assert line_in_words(file, line) == words


def test_the_number_of_a_kernels_cell_is_that_of_its_compiler(monkeypatch) -> None:
    numbers = {KERNEL: ("Cell", "In[7]")}
    shell = types.SimpleNamespace(compile=types.SimpleNamespace(format_code_name=numbers.get))
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    assert cell_of(KERNEL) == "cell In[7]"
    assert cell_of("/tmp/ipykernel_21827/99.py") == "notebook cell"
    assert cell_of("src/m.py") is None


@pytest.mark.parametrize("shell", [None, types.SimpleNamespace(compile=None)], ids=["none runs", "of an old release"])
def test_ipython_that_does_not_know_it_is_asked_in_vain(monkeypatch, shell) -> None:
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    assert cell_of(KERNEL) == "notebook cell"


def test_ipython_is_not_imported_for_it() -> None:
    code = f"import sys, gradlint.cells; gradlint.cells.cell_of({KERNEL!r}); sys.exit('IPython' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_shell_itself_numbers_its_cells() -> None:
    pytest.importorskip("IPython")
    code = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance(history_length=0)\n"
        "shell.run_cell('1', store_history=True)\n"
        "shell.run_cell('def f():\\n    return 1', store_history=True)\n"
        "from gradlint.cells import line_in_words\n"
        "code = shell.user_ns['f'].__code__\n"
        "print(line_in_words(code.co_filename, code.co_firstlineno))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "cell In[2], line 1"


def test_a_file_below_the_current_folder_is_as_a_user_would_type_it(tmp_path, monkeypatch):
    (tmp_path / "src").mkdir()
    monkeypatch.chdir(tmp_path)
    assert line_as_typed(str(tmp_path / "src" / "train.py"), 7) == f"{Path('src', 'train.py')}:7"
    monkeypatch.chdir(tmp_path / "src")
    assert line_as_typed(str(tmp_path / "other.py"), 7) == f"{tmp_path / 'other.py'}:7"


@pytest.mark.parametrize("name", ["<stdin>", "<string>"])
def test_what_is_no_file_keeps_its_name(name):
    assert line_as_typed(name, 7) == f"{name}:7"
