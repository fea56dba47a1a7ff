"""Folders in the place of a cache that are not gradlint's: nothing in them is removed, and nothing is believed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from files import keras_file, npy, npz

from gradlint import cli
from gradlint.project import answers
from gradlint.project.answers import HEADER, IGNORED, MOST_ENTRIES, OURS, SIGNATURE

posix = pytest.mark.skipif(os.name == "nt", reason="links, pipes and devices of POSIX")
COMMAND = ["m.keras", "s.npz", "--depth", "preflight", "--no-isolate"]
NAME = f"{7:040x}.json"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model with an error, and a folder of the user's with much in it."""
    monkeypatch.chdir(tmp_path)
    keras_file(tmp_path)
    npz(tmp_path, {"wrong.npy": npy((3, 4), data=bytes(48)), "other.npy": npy((3, 4), data=bytes(48))})
    work = tmp_path / "work"
    work.mkdir()
    for number in range(MOST_ENTRIES + 40):
        (work / f"{number}.json").write_text("{}")
        (work / f"{number:040x}.json").write_text("mine")
        os.utime(work / f"{number:040x}.json", (number, number))
    for name in ("draft-thesis", "draft-0a1b2c3d", "letter.txt"):
        (work / name).write_text("mine")
        os.utime(work / name, (1, 1))
    return tmp_path


def state(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@posix
@pytest.mark.parametrize("kind", ["the folder", "a link", "a link to a cache", "a file", "another program's"])
def test_a_folder_that_is_not_ours_is_refused(kind: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work, cache = folder / "work", folder / "cache"
    if kind == "the folder":
        work.rename(cache)
        work = cache
    elif kind.startswith("a link"):
        cache.symlink_to("work")
        if kind == "a link to a cache":
            (work / "CACHEDIR.TAG").write_text(OURS)
    elif kind == "a file":
        cache.write_text("mine")
    else:
        work.rename(cache)
        work = cache
        (work / "CACHEDIR.TAG").write_text(f"{SIGNATURE}# cargo\n")
    before = state(work)
    assert cli.main([*COMMAND, "--cache-dir", "cache"]) == 2
    err = capsys.readouterr().err
    assert "the cache's folder cache" in err
    assert "--no-cache" in err
    assert len(err.splitlines()) == 1
    assert state(work) == before


@posix
def test_in_a_cache_of_ours_only_what_is_ours_is_removed(folder: Path) -> None:
    cache = folder / "work"
    (cache / "CACHEDIR.TAG").write_text(OURS)
    (folder / "elsewhere.json").write_bytes(HEADER + b"1}")
    linked = cache / f"{'a' * 40}.json"
    linked.symlink_to(folder / "elsewhere.json")
    os.utime(linked, (1, 1), follow_symlinks=False)
    before = state(cache)
    assert cli.main([*COMMAND, "--cache-dir", "work"]) == 1
    after = state(cache)
    assert {name: after.get(name) for name in before} == before
    assert linked.is_symlink()
    assert (folder / "elsewhere.json").exists()


@posix
@pytest.mark.parametrize(
    "left",
    [{}, {".gitignore": ""}, {".gitignore": IGNORED}, {".gitignore": IGNORED, "CACHEDIR.TAG": OURS[:20]},
     {"draft-0a1b2c3d": OURS[:10]}, {".gitignore": IGNORED, "CACHEDIR.TAG": SIGNATURE, NAME: "{}"}],
    ids=["empty", "nothing in it", "no tag", "half a tag", "a draft", "of 0.1.0"],
)  # fmt: skip
def test_a_folder_half_made_is_finished(left: dict[str, str], folder: Path) -> None:
    cache = folder / "cache"
    cache.mkdir()
    for name, text in left.items():
        (cache / name).write_text(text)
    assert cli.main([*COMMAND, "--cache-dir", "cache"]) == 1
    assert (cache / "CACHEDIR.TAG").read_text() == OURS
    assert (cache / ".gitignore").read_text() == IGNORED
    assert [path for path in cache.glob("*.json") if path.name != NAME]


def test_the_default_is_not_in_the_tree(folder: Path) -> None:
    (folder / ".gradlint_cache").symlink_to("work")
    before = state(folder / "work")
    assert cli.main(COMMAND) == 1
    assert not answers.default_folder().is_relative_to(folder)
    assert state(folder / "work") == before


@posix
@pytest.mark.parametrize("kind", ["pipe", "device", "link", "folder", "huge"])
def test_an_entry_that_is_no_file_is_ignored(kind: str, folder: Path) -> None:
    cache = folder / "cache"
    assert cli.main([*COMMAND, "--cache-dir", "cache"]) == 1
    (entry,) = cache.glob("*.json")
    whole = entry.read_bytes()
    entry.unlink()
    if kind == "pipe":
        os.mkfifo(entry)
    elif kind == "folder":
        entry.mkdir()
    elif kind == "huge":
        with entry.open("wb") as stream:
            stream.truncate(2**40)
    else:
        forged = folder / "forged.json"
        forged.write_bytes(whole.replace(b"GL401", b"GL402"))
        entry.symlink_to(forged if kind == "link" else "/dev/zero")
    ran = subprocess.run(
        [sys.executable, "-m", "gradlint", *COMMAND, "--cache-dir", "cache", "--timeout", "200"],
        capture_output=True, text=True, timeout=300,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (1, "")
    assert "GL401" in ran.stdout


@posix
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_an_entry_of_another_user_is_ignored(folder: Path) -> None:
    cache = folder / "cache"
    answers.write(cache, NAME, HEADER + b"2}")
    assert answers.read(cache, NAME) is not None
    os.chown(cache / NAME, 12345, 12345)
    assert answers.read(cache, NAME) is None


def test_four_processes_on_one_cache(folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    for _ in range(2):
        running = [
            subprocess.Popen(
                [sys.executable, "-m", "gradlint", *COMMAND, "--seed", str(seed), "--cache-dir", "cache"],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
            )
            for seed in (1, 1, 2, 2)
        ]  # fmt: skip
        said = [process.communicate() for process in running]
        assert [process.returncode for process in running] == [1] * 4, said
        assert len({out for out, _ in said}) == 1
        assert all(err == b"" for _, err in said)
    assert len(list((folder / "cache").glob("*.json"))) == 2
    assert not list((folder / "cache").glob("draft-*"))
