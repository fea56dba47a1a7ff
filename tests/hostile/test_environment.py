"""Surroundings that are not as usual: somebody else's configuration, no place for temporary files, an early Ctrl-C."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from files import MARKER, MODEL, keras_file, layer, model, sample

from gradlint.load.content import Kind, unsafe_contents
from gradlint.project.config import find_config

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
posix = pytest.mark.skipif(os.name == "nt", reason="users and signals of POSIX")
root = pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can give files away")
STRANGER = 12345


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@root
@pytest.mark.parametrize("name", ["gradlint.toml", "pyproject.toml"])
@pytest.mark.parametrize("owner", ["file", "folder", "link", "nobody else"])
def test_a_configuration_of_another_user(name: str, owner: str, tmp_path: Path) -> None:
    here = tmp_path / "a" / "b" / "c"
    here.mkdir(parents=True)
    file = tmp_path / "a" / name
    file.write_text("[tool.gradlint]\nimports = ['evil.py']\n")
    assert find_config(here) == file
    if owner == "link":  # to a configuration of ours for something else
        file.rename(tmp_path / "elsewhere")
        file.symlink_to("../elsewhere")
        assert find_config(here) == file
        os.lchown(file, STRANGER, STRANGER)
    elif owner != "nobody else":
        os.chown(file if owner == "file" else tmp_path / "a", STRANGER, STRANGER)
    assert find_config(here) == (file if owner == "nobody else" else None)


@root
def test_a_checkout_of_another_user_has_its_own(tmp_path: Path) -> None:
    """As in a container that runs as root."""
    file = tmp_path / "a" / "gradlint.toml"
    (tmp_path / "a" / "b").mkdir(parents=True)
    file.write_text("")
    for path in (tmp_path / "a", tmp_path / "a" / "b", file):
        os.chown(path, STRANGER, STRANGER)
    assert find_config(tmp_path / "a" / "b") == file
    assert find_config(tmp_path / "a") == file


def test_a_configuration_above_is_told_of(tmp_path: Path) -> None:
    keras_file(tmp_path)
    sample(tmp_path)
    (tmp_path / "gradlint.toml").write_text('depth = "preflight"\n')
    (tmp_path / "below").mkdir()
    for folder, said in ((tmp_path, ""), (tmp_path / "below", "gradlint: the configuration is ../gradlint.toml\n")):
        ran = subprocess.run(
            [sys.executable, "-m", "gradlint", str(tmp_path / MODEL), str(tmp_path / "s.npz"), "--no-cache"],
            cwd=folder, env=environment(), capture_output=True, text=True,
        )  # fmt: skip
        assert (ran.returncode, ran.stderr.replace(os.sep, "/")) == (0, said)


@pytest.mark.parametrize("isolate", ["--isolate", "--no-isolate"])
def test_no_place_for_temporary_files(isolate: str, tmp_path: Path) -> None:
    keras_file(tmp_path)
    sample(tmp_path)
    code = (
        "import sys, tempfile; tempfile.tempdir = '/no/such/folder'\n"
        f"from gradlint.cli import main; sys.exit(main(['{MODEL}', 's.npz', '--no-cache', '{isolate}']))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert "internal error" not in ran.stderr
    assert "Traceback" not in ran.stderr
    if isolate == "--isolate":
        assert ran.returncode == 2
        assert "no temporary folder can be made" in ran.stderr


@posix
def test_no_more_files_may_be_opened(tmp_path: Path) -> None:
    keras_file(tmp_path)
    ran = subprocess.run(
        ["sh", "-c", f"ulimit -n 10; exec {sys.executable} -m gradlint {MODEL} --depth preflight --no-cache --isolate"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True,
    )  # fmt: skip
    said = f"gradlint: the system lacks what a check needs: {os.strerror(errno.EMFILE)}\n"
    assert (ran.returncode, ran.stderr) == (2, said)


@posix
def test_an_early_interrupt_says_nothing_or_one_line(tmp_path: Path) -> None:
    """At any moment from gradlint's first line on; before that, it is Python that starts."""
    keras_file(tmp_path)
    sample(tmp_path)
    said = set()
    for number in range(12):
        bin = tmp_path / "gradlint"
        bin.write_text("import sys\nprint('begins', flush=True)\nimport gradlint.cli\nsys.exit(gradlint.cli.main())\n")
        code = bin.read_text().replace(
            "print('begins', flush=True)\n", "import gradlint\nprint('begins', flush=True)\n"
        )
        bin.write_text(code)
        process = subprocess.Popen(
            [sys.executable, str(bin), MODEL, "s.npz", "--no-cache", "--depth", "preflight"],
            cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.02 * number)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=300)
        assert "Traceback" not in err, err
        assert process.returncode in (0, 130, -signal.SIGINT)
        said.add(process.returncode)
    assert said & {130, -signal.SIGINT}


@pytest.mark.parametrize("where", ["text", "list", "table", "deep"])
def test_a_path_under_any_argument(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A class that is imported may open what it likes: text that is a file's name is refused wherever it stands."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / MARKER).write_text("secret")
    for path in (MARKER, str(tmp_path / MARKER), "/etc/passwd"):
        value = {"text": path, "list": [path], "table": {"a": path}, "deep": [{"a": [path]}]}[where]
        config = model(layer("BytePairTokenizer", "keras_hub.tokenizers", "keras_hub>T", special_tokens=value))
        assert Kind.FILE in {content.kind for content in unsafe_contents(config)}, path


WRITTEN: dict[str, Callable[[str], dict[str, object]]] = {
    "bytes": lambda path: {"config": {"a": {"class_name": "__bytes__", "config": {"value": path}}}},
    "array": lambda path: {"config": {"a": [{"class_name": "__numpy__", "config": {"value": [path], "dtype": "str"}}]}},
    "tensor": lambda path: {"config": {"a": {"class_name": "__tensor__", "config": {"value": path}}}},
    "tuple": lambda path: {"config": {"a": {"class_name": "__tuple__", "items": [path]}}},
    "no class": lambda path: {"config": {"a": {"class_name": [], "config": path}}},
    "no mapping": lambda path: {"config": path},
    "a list": lambda path: {"config": [path]},
    "build": lambda path: {"build_config": {"input_shape": [path]}},
}


@pytest.mark.parametrize("where", WRITTEN)
@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../secret", "sftp://host/x", "az://x", "zip://a.zip", "memory://x", "GCS://x"]
)
def test_a_path_written_another_way(where: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "secret").write_text("secret")
    config = model({**layer("Tokens", "zoo", "zoo>Tokens"), **WRITTEN[where](path)})
    assert Kind.FILE in {content.kind for content in unsafe_contents(config)}


def test_a_path_that_leads_up_from_within() -> None:
    config = model(layer("Tokens", "zoo", "zoo>Tokens", tokens="assets/../../secret"))
    assert Kind.FILE in {content.kind for content in unsafe_contents(config)}


@pytest.mark.parametrize(
    "value", ["linear", "/", "~", ["/", "\\", "~", "<pad>"], "a/b", {"start": "[START]"}, "x" * 10**6]
)
def test_text_that_is_no_path(value: object) -> None:
    config = model(layer("Tokens", "zoo", "zoo>Tokens", tokens=value))
    assert {content.kind for content in unsafe_contents(config)} == {Kind.UNKNOWN}
