"""The command line: arguments to `check()`, its result to a report, its verdict to an exit status."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import gradlint
from gradlint.errors import GradlintError, ModelRunError, UsageError
from gradlint.report import FORMATS
from gradlint.report.text import Style, printable, verdict
from gradlint.terminal import Progress, is_terminal, silence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gradlint.result import Result

OK, FINDINGS, FAILED, INTERRUPTED = 0, 1, 2, 130
"""The three exits of the contract, and the shell's own for Ctrl-C."""

WIDTH = 100
"""Columns of a report; fewer on a narrow terminal."""
NARROWEST = 60
_DISTRIBUTIONS = {
    "TensorFlow": ("tensorflow", "tensorflow-cpu", "tensorflow-intel", "tensorflow-macos", "tf-nightly"),
    "Keras": ("keras", "keras-nightly"),
}


@dataclass(frozen=True, slots=True)
class Options:
    """The parsed command line."""

    model: str | None
    sample: str | None
    format: str
    output: Path | None
    graph: Path | None
    select: list[str]
    ignore: list[str]
    fail_on: str
    depth: str
    mode: str
    seed: int
    probes: int
    loss: str | None
    targets: list[tuple[str | None, str]]
    mapping: list[tuple[str, str]]
    causal: list[str]
    imports: list[str]
    trust_model: bool
    explain: str | None
    list_rules: bool
    version: bool
    debug: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """Run gradlint with these arguments (those of the process when None); gives the exit status."""
    parser = _parser()
    options = Options(**vars(parser.parse_args(arguments)))
    # A name that the terminal's encoding lacks is shown escaped; it must not end the report.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(options, parser)
    except GradlintError as error:
        return _failed(str(error), options)
    except KeyboardInterrupt:
        return _failed("interrupted", options, INTERRUPTED)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".strip()
        advice = "" if options.debug else "run again with --debug, and "
        return _failed(
            f"internal error: {reason}\n"
            f"This is a bug in gradlint: please {advice}report the traceback together with the output of "
            "`gradlint --version`.",
            options,
        )


def _run(options: Options, parser: argparse.ArgumentParser) -> int:
    if options.version:
        return _write(_version(), OK)
    if options.list_rules:
        return _write(_list_of_rules(), OK)
    if options.explain is not None:
        return _write(_explanation(options.explain), OK)
    if options.model is None:
        parser.print_usage(sys.stderr)
        return _failed("name a model to check; gradlint --help lists the options", options)
    return _check(options.model, options)


def _check(model: str, options: Options) -> int:
    _refuse_early(options)
    from gradlint.checking import check
    from gradlint.rules import codes_matching

    select, ignore = codes_matching(options.select), codes_matching(options.ignore)
    with _undisturbed(options) as progress:
        result = check(
            model,
            options.sample,
            loss=options.loss,
            depth=options.depth,
            mode=options.mode,
            seed=options.seed,
            probes=options.probes,
            targets=options.targets,
            mapping=dict(options.mapping) or None,
            causal=options.causal,
            imports=options.imports,
            trust_model=options.trust_model,
            select=select,
            ignore=ignore,
            fail_on=options.fail_on,
            progress=progress,
        )
    status = OK if result.ok else FINDINGS
    if options.graph is not None:
        _write_graph(result, options.graph)
    return _report(result, options, status)


def _refuse_early(options: Options) -> None:
    """Say what cannot work before a model is loaded for it."""
    if options.depth == "structure":
        raise UsageError("--depth structure is not available yet; choose values or preflight.")
    keys = [key for key, _ in options.mapping]
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise UsageError(f"--map names {', '.join(twice)} more than once.")
    for option, path in (("--output", options.output), ("--graph", options.graph)):
        if path is not None and path.is_dir():
            raise UsageError(f"{option} {path} is a folder; name a file.")
        if path is not None and not path.parent.is_dir():
            raise UsageError(f"{option} {path}: there is no folder {path.parent}.")
    if options.graph is not None:
        from gradlint.report.graph import graph_format

        graph_format(options.graph)
        if options.depth == "preflight":
            raise UsageError("--graph needs the model to run; leave out --depth preflight.")


def _report(result: Result, options: Options, status: int) -> int:
    render = FORMATS[options.format]
    if options.output is None:
        return _write(render(result, _style()), status)
    text = render(result, Style(width=WIDTH))
    write_whole(options.output, f"{text}\n" if text else "")
    print(f"{verdict(result)}; written to {options.output}", file=sys.stderr)
    return status


def _write_graph(result: Result, path: Path) -> None:
    from gradlint.report.graph import graph_format, render_graph

    if result.graph is None:
        print(f"gradlint: {path} is not written: the check ended before there was a graph", file=sys.stderr)
        return
    write_whole(path, f"{render_graph(result.graph, graph_format(path))}\n")


def _write(text: str, status: int) -> int:
    """Print `text`; a reader that has seen enough (`| head`) changes nothing about the verdict."""
    try:
        if text:
            print(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more at its end, and must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is never seen half written.

    Raises:
        UsageError: the file cannot be written.
    """
    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_file():  # a device or a pipe cannot be replaced
            target.write_text(text, encoding="utf-8")
            return
        handle, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with open(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
            os.chmod(draft, target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
            os.replace(draft, target)
        except BaseException:
            os.unlink(draft)
            raise
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


def _umask() -> int:
    # mkstemp makes private files; a report gets the mode that open() would have given it.
    current = os.umask(0)
    os.umask(current)
    return current


def _failed(message: str, options: Options, status: int = FAILED) -> int:
    if options.debug and sys.exc_info()[0] is not None:
        traceback.print_exc()
    text = "\n".join(printable(line) for line in message.splitlines())
    with contextlib.suppress(OSError):
        print(f"gradlint: {text}", file=sys.stderr)
    return status


@contextlib.contextmanager
def _undisturbed(options: Options) -> Iterator[Callable[[str], None] | None]:
    """Run the user's model: stdout is kept for the report, and noise for `--debug`.

    Yields:
        what shows the stages, when somebody looks.

    Raises:
        ModelRunError: the user's code tried to end the program.
    """
    with contextlib.ExitStack() as stack:
        if not options.debug:
            stack.enter_context(silence())
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        progress = stack.enter_context(Progress(sys.stderr)) if is_terminal(sys.stderr) else None
        try:
            yield progress
        except SystemExit as error:
            # A training script named by --import would otherwise end the check, with 0 for "nothing found".
            raise ModelRunError(f"the model's code ended the program (exit status {error.code}).") from error


def _style() -> Style:
    if not is_terminal(sys.stdout):
        return Style(width=WIDTH)
    columns = shutil.get_terminal_size(fallback=(WIDTH, 0)).columns
    # https://no-color.org: it counts when it is set and not empty.
    return Style(colour=not os.environ.get("NO_COLOR"), width=max(NARROWEST, min(columns, WIDTH)))


def _version() -> str:
    parts = [f"gradlint {gradlint.__version__}", f"Python {sys.version.split()[0]}"]
    for name, distributions in _DISTRIBUTIONS.items():
        found = next(filter(None, map(_installed, distributions)), "not found")
        parts.append(f"{name} {found}")
    return "\n".join(parts)


def _installed(distribution: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _list_of_rules() -> str:
    from tabulate import tabulate

    from gradlint import rules
    from gradlint.catalogue import summary

    rows = [[rule.code, rule.name, rule.severity.value, summary(rule)] for rule in rules.ALL_RULES]
    return tabulate(rows, tablefmt="plain", disable_numparse=True, maxcolwidths=[None, None, None, 60])


def _explanation(pattern: str) -> str:
    from gradlint.catalogue import page
    from gradlint.rules import rules_matching

    return "\n\n".join(page(rule) for rule in rules_matching(pattern))


def _codes(text: str) -> list[str]:
    codes = [code.strip() for code in text.split(",") if code.strip()]
    if not codes:
        raise argparse.ArgumentTypeError("names no code")
    return codes


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not INPUT=KEY")
    return key, value


def _target(text: str) -> tuple[str | None, str]:
    output, equals, key = text.rpartition("=")
    if not key or (equals and not output):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY or OUTPUT=KEY")
    return output or None, key


def _natural(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gradlint",
        usage="gradlint MODEL [SAMPLE] [options]",
        description="Does the gradient of the loss reach everything that is supposed to learn, and if not, "
        "which line of the model stops it?",
        epilog="Exit status: 0 nothing at or above --fail-on, 1 findings, 2 the check could not run.",
    )
    add = parser.add_argument
    add("model", nargs="?", metavar="MODEL", help="model.keras, model.h5, or package.module:factory")
    add(
        "sample",
        nargs="?",
        metavar="SAMPLE",
        help="sample.npz; made up from the model's inputs when left out",
    )

    add = parser.add_argument_group("report").add_argument
    add("--format", choices=tuple(FORMATS), default="table", help="(default: %(default)s)")
    add("--output", type=Path, metavar="FILE", help="write the report to FILE instead of stdout")
    add(
        "--graph",
        type=Path,
        metavar="FILE",
        help="write the graph: FILE.dot, .mermaid, .mmd, .graphml, .json",
    )
    add(
        "--select",
        type=_codes,
        action="extend",
        default=[],
        metavar="CODES",
        help="only these rules: codes or prefixes, separated by commas, such as GL103,GL2",
    )
    add("--ignore", type=_codes, action="extend", default=[], metavar="CODES", help="not these rules")
    add(
        "--fail-on",
        choices=("error", "warning", "never"),
        default="error",
        help="the lowest severity that makes the exit status 1 (default: %(default)s)",
    )

    add = parser.add_argument_group("check").add_argument
    add(
        "--depth",
        choices=("preflight", "structure", "values"),
        default="values",
        help="how deep to look: files only, the graph without weights (not available yet), or one real step "
        "(default: %(default)s)",
    )
    add(
        "--mode",
        choices=("training", "inference"),
        default="training",
        help="how to run the model (default: %(default)s)",
    )
    add("--seed", type=_natural, default=0, metavar="N", help="for all randomness (default: %(default)s)")
    add(
        "--probes",
        type=_natural,
        default=3,
        metavar="N",
        help="perturbed samples that confirm a zero gradient (default: %(default)s)",
    )
    add("--loss", metavar="LOSS", help="name of a Keras loss, or package.module:function")
    add(
        "--target",
        dest="targets",
        type=_target,
        action="append",
        default=[],
        metavar="[OUTPUT=]KEY",
        help="array of the sample that is a label; repeatable",
    )
    add(
        "--map",
        dest="mapping",
        type=_pair,
        action="append",
        default=[],
        metavar="INPUT=KEY",
        help="key of the sample for an input of the model; repeatable",
    )
    add(
        "--causal",
        action="append",
        default=[],
        metavar="INPUT[:AXIS]",
        help="no output may depend on later steps of this input (GL502); axis 1 unless told; repeatable",
    )
    add(
        "--import",
        dest="imports",
        action="append",
        default=[],
        metavar="MODULE",
        help="module or FILE.py that registers custom layers and losses; repeatable",
    )
    add("--trust-model", action="store_true", help="run Python code stored in the model file (Lambda layers)")

    add = parser.add_argument_group("look-ups").add_argument
    add("--explain", metavar="CODE", help="what a rule reports, why it matters, what to do")
    add("--list-rules", action="store_true", help="all rules")
    add("--version", action="store_true", help="versions of gradlint, Python, TensorFlow and Keras")
    add("--debug", action="store_true", help="show tracebacks, warnings and logs")
    return parser
