"""Fuzzing that coverage guides, by atheris: whatever the bytes, the answer is a value or one of gradlint's own errors.

    python tests/hostile/fuzz_guided.py TARGET [--seconds 60] [--corpus FOLDER]

A target is `preflight`, `spec`, `npz`, `config` or `reports`. `corpus/TARGET` holds what it starts from; with
`--corpus`, what reaches new code is kept there. `test_fuzz_guided.py` replays the corpus without atheris.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

CORPUS = Path(__file__).resolve().parent / "corpus"
FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-guided-"))

if TYPE_CHECKING:
    from collections.abc import Callable


def _targets() -> dict[str, Callable[[bytes], None]]:
    """Imports what is fuzzed, so that atheris can watch it."""
    from files import MODEL, keras_file, sample

    from gradlint.checking import check
    from gradlint.errors import GradlintError
    from gradlint.load.arrays import read_array_specs
    from gradlint.load.content import unsafe_contents
    from gradlint.load.limits import Limits
    from gradlint.load.outline import spec_from_config
    from gradlint.load.sample import load_sample, synthesise
    from gradlint.project.config import load_config
    from gradlint.project.showing import shown_config
    from gradlint.project.wire import MalformedError, result_from_data
    from gradlint.report import FORMATS
    from gradlint.report.text import Style

    limits = Limits(memory=10**7, items=200)
    sample(FOLDER)

    def answered(job: Callable[[], object]) -> None:
        try:
            job()
        except GradlintError as error:
            if not str(error):
                raise AssertionError("an error without words") from error

    def preflight(data: bytes) -> None:
        keras_file(FOLDER, data)
        answered(lambda: check(str(FOLDER / MODEL), str(FOLDER / "s.npz"), depth="preflight", limits=limits))

    def spec(data: bytes) -> None:
        config = _json(data)
        if isinstance(config, dict):
            unsafe_contents(config)
            found = spec_from_config(config)
            if found.inputs:
                answered(lambda: synthesise(found, 0, limits=limits))

    def npz(data: bytes) -> None:
        path = FOLDER / "fuzzed.npz"
        path.write_bytes(data)
        answered(lambda: read_array_specs(path, limits))
        answered(lambda: load_sample(path, limits))

    def config(data: bytes) -> None:
        path = FOLDER / "gradlint.toml"
        path.write_bytes(data)

        def shown() -> None:
            found = load_config(path)
            shown_config(found, found.settings)

        answered(shown)

    def reports(data: bytes) -> None:
        try:
            result = result_from_data(_json(data))
        except MalformedError:
            return
        for render in FORMATS.values():
            text = render(result, Style())
            assert [char for char in text if not char.isprintable() and char != "\n"] == []

    return {target.__name__: target for target in (preflight, spec, npz, config, reports)}


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("target", choices=["preflight", "spec", "npz", "config", "reports"])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--corpus", type=Path)
    given = parser.parse_args()
    import atheris

    with atheris.instrument_imports(include=["gradlint"]):
        target = _targets()[given.target]
    found = given.corpus or Path(tempfile.mkdtemp(prefix="corpus-"))
    arguments = [str(found), str(CORPUS / given.target)]  # the first is where new ones go
    limits = [f"-max_total_time={given.seconds}", "-max_len=20000", "-timeout=30", f"-artifact_prefix={FOLDER}/"]
    atheris.Setup([sys.argv[0], *limits, *arguments], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
