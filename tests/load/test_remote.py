"""Models and samples at addresses: fetched, checked as any file, and named by their address."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import gradlint
from gradlint.errors import GradlintError, ModelFileError, UsageError
from gradlint.load.limits import Limits
from gradlint.load.remote import fetched, is_address
from gradlint.project import targets
from gradlint.project.config import load_config, name_of_model
from gradlint.project.isolation import Guard
from gradlint.report import FORMATS

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "hostile"))
import files

fsspec = pytest.importorskip("fsspec")
OPTIONS = {"depth": "preflight", "targets": [(None, "y")]}


@pytest.fixture
def memory(tmp_path: Path) -> str:
    """The address of a folder with a model and a sample."""
    files.keras_file(tmp_path)
    files.sample(tmp_path)
    system = fsspec.filesystem("memory")
    for name in ("m.keras", "s.npz"):
        system.pipe(f"/bucket/{name}", (tmp_path / name).read_bytes())
    return "memory://bucket"


def job(model: str, sample: str | None = None, **guard: object) -> targets.Job:
    return targets.Job("m", model, sample, OPTIONS, (), Guard(**guard))  # type: ignore[arg-type]


def test_a_model_and_a_sample_are_checked(memory: str) -> None:
    done = targets.outcome(job(f"{memory}/m.keras", f"{memory}/s.npz"))
    assert done.result.ok
    assert done.result.target == "memory://bucket/m.keras"
    assert "fetched" not in FORMATS["json"](done.result, None)


def test_python_takes_addresses_as_the_command_line_does(memory: str) -> None:
    result = gradlint.check(f"{memory}/m.keras", f"{memory}/s.npz", depth="preflight", targets="y")
    assert result.ok
    assert result.target == "memory://bucket/m.keras"
    assert gradlint.check(f"{memory}/m.keras", depth="preflight").ok
    with pytest.raises(ModelFileError, match=r"^memory://bucket/absent\.npz does not exist"):
        gradlint.check(f"{memory}/m.keras", f"{memory}/absent.npz", depth="preflight")
    with pytest.raises(AssertionError, match=r"^gradients do not flow: GL403"):
        gradlint.assert_gradients_flow(f"{memory}/m.keras", {"other": [[1.0]]}, depth="preflight")


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("absent.keras", ModelFileError, "memory://bucket/absent.keras does not exist"),
        ("broken.keras", ModelFileError, "memory://bucket/broken.keras is not a Keras model"),
    ],
)
def test_errors_name_the_address(memory: str, name: str, error: type[GradlintError], message: str) -> None:
    fsspec.filesystem("memory").pipe("/bucket/broken.keras", b"nothing")
    with pytest.raises(error) as caught:
        targets.outcome(job(f"{memory}/{name}"))
    assert str(caught.value).startswith(message.split(" is not")[0])
    assert "fetched" not in str(caught.value)


def test_what_is_refused_on_paper_is_refused(tmp_path: Path, memory: str) -> None:
    hostile = files.keras_file(tmp_path, files.model(files.layer("Lambda", function=files.marshalled(tmp_path))))
    fsspec.filesystem("memory").pipe("/bucket/hostile.keras", Path(hostile or tmp_path / "m.keras").read_bytes())
    with pytest.raises(GradlintError, match=r"^memory://bucket/hostile\.keras: layer 'd' holds marshalled"):
        targets.outcome(job(f"{memory}/hostile.keras"))


def test_limits_hold_and_nothing_is_left(memory: str) -> None:
    with pytest.raises(ModelFileError, match="more than 100 bytes"):
        targets.outcome(job(f"{memory}/m.keras", limits=Limits(memory=100)))
    with fetched(f"{memory}/s.npz", Limits(), 60.0) as file:
        assert Path(file).suffix == ".npz"
    assert not Path(file).exists()


def test_what_cannot_be_fetched_is_told() -> None:
    with pytest.raises(UsageError, match=r"nowhere://x/m\.keras cannot be fetched"):
        targets.outcome(job("nowhere://x/m.keras"))


def test_addresses_in_a_configuration(tmp_path: Path) -> None:
    file = tmp_path / "gradlint.toml"
    file.write_text('[targets.far]\nmodel = "s3://bucket/m.keras"\nsample = "gs://bucket/s.npz"\n')
    config = load_config(file)
    assert (config.targets[0].model, config.targets[0].sample) == ("s3://bucket/m.keras", "gs://bucket/s.npz")
    assert targets.from_here("s3://bucket/m.keras") == "s3://bucket/m.keras"
    assert name_of_model(config, "s3://bucket/m.keras") == "s3://bucket/m.keras"


@pytest.mark.parametrize("name", ["s3://b/m.keras", "simplecache::s3://b/m", "gs://b/a b.keras"])
def test_what_is_an_address(name: str) -> None:
    assert is_address(name)


@pytest.mark.parametrize("name", ["own:build", "own.py:build", "C:\\m.keras", "C://m.keras", "m.keras", "s3://"])
def test_what_is_none(name: str) -> None:
    assert not is_address(name)
