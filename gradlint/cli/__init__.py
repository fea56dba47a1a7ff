"""The command line: arguments to `check()`, its result to a report, its verdict to an exit status."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
import traceback
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import IO, TYPE_CHECKING

import gradlint
from gradlint.cli.names import misplaced, without_names
from gradlint.errors import GradlintError, ModelRunError, UsageError
from gradlint.load import search
from gradlint.options import CODES, DEFAULTS, SETTINGS, MistakeError, Settings, natural
from gradlint.project.terminal import Progress, is_terminal, silence
from gradlint.report import FORMATS
from gradlint.report.outgoing import fitting, message
from gradlint.report.text import Style, count
from gradlint.report.verdict import consequence, verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gradlint.checking.suppression import Allowance
    from gradlint.project.baseline import Baseline
    from gradlint.project.config import Config, Target
    from gradlint.project.isolation import Guard
    from gradlint.project.targets import Outcome
    from gradlint.result import Result

OK, FINDINGS, FAILED, INTERRUPTED = 0, 1, 2, 130
"""The three exits of the contract, and the shell's own for Ctrl-C."""

SHELLS = ("bash", "zsh", "fish", "tcsh", "powershell")
WIDTH = 100
"""Columns of a report; fewer on a narrow terminal."""
NARROWEST = 60
_LONGEST = 10**7
"""Seconds; timers of some systems cannot count much further."""
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
    settings: Settings
    isolate: bool | None
    cache: bool
    cache_dir: Path | None
    timeout: float
    limits: list[str]
    more: list[str]
    config: Path | None
    show_config: bool
    jobs: int | None
    changed: bool
    baseline: Path | None
    write_baseline: bool
    completion: str | None
    explain: str | None
    list_rules: bool
    version: bool
    debug: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """Run gradlint with these arguments (those of the process when None); gives the exit status."""
    parser = parser_of_options()
    options = _parsed(parser, arguments)
    # A name that the terminal's encoding lacks is shown escaped; it must not end the report.
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the shell: `>&-`
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        with search.restored():
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
            "`gradlint --version --debug`.",
            options,
        )


def _parsed(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> Options:
    """The options; their settings are those that the user gave: they win over a configuration file."""
    # argparse leaves alone what a namespace already holds, so that None marks what was not given.
    names = {*SETTINGS, *(entry.name for entry in fields(Options))} - {"settings"}
    told, literal = without_names(sys.argv[1:] if arguments is None else arguments)
    given = vars(parser.parse_intermixed_args(told, argparse.Namespace(**dict.fromkeys(names))))
    positional = [given["model"], given["sample"], *(given["more"] or ())]
    positional = [name for name in positional if name is not None] + literal
    given |= dict(zip(("model", "sample"), positional, strict=False)) | {"more": positional[2:]}
    given = {name: value for name, value in given.items() if value is not None and (name != "more" or value)}
    said = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    settings = Settings({name: value for name, value in said.items() if name in SETTINGS})
    own = {name: value for name, value in {**vars(parser.parse_args([])), **given}.items() if name not in SETTINGS}
    options = Options(**own, settings=settings)
    if options.more and not options.changed:
        parser.error(f"unrecognized arguments: {' '.join(options.more)}")
    return options


def _run(options: Options, parser: argparse.ArgumentParser) -> int:
    if options.version and options.debug:
        from gradlint.cli.versions import details

        return _write(details(), OK)
    if options.version:
        return _write(_version(), OK)
    if options.list_rules:
        return _write(_list_of_rules(), OK)
    if options.explain is not None:
        return _write(_explanation(options.explain), OK)
    if options.completion is not None:
        from gradlint.cli.completion import script

        return _write(script(parser, options.completion), OK)
    config = _config(options)
    from gradlint.project.folders import leave_folders

    leave_folders(config, options.model, is_named="imports" in options.settings.said)
    if options.show_config:
        from gradlint.project.config import shown_config

        return _write(shown_config(config, options.settings), OK)
    if options.changed:
        return _check_changed(options, config)
    if options.model is None and config.targets:
        return _check_targets(config.targets, options, config, whole=True)
    if options.model is None and options.debug:
        from gradlint.cli.versions import details

        return _write(details(), OK)
    if options.model is None:
        parser.print_usage(sys.stderr)
        return _failed("name a model to check; gradlint --help lists the options", options)
    if (target := config.target(options.model)) is not None:
        from gradlint.project.targets import from_here

        sample = options.sample or (from_here(target.sample) if target.sample is not None else None)
        own = replace(options, model=from_here(target.model), sample=sample)
        own = replace(own, settings=options.settings.over(target.settings))
        return _check(target.name, own, (*target.allowed, *config.allowed), target.allowed, config)
    _refuse_unknown_name(options.model, config)
    from gradlint.project.config import name_of_model

    own = replace(options, settings=options.settings.over(config.settings))
    return _check(name_of_model(config, options.model), own, config.allowed, (), config)


def _config(options: Options) -> Config:
    from gradlint.project.config import find_config, load_config

    if options.config is not None and not options.config.is_file():
        raise UsageError(f"--config {options.config}: there is no such file.")
    return load_config(options.config or find_config(Path.cwd()), Path.cwd())


def _refuse_unknown_name(model: str, config: Config) -> None:
    """A word that can be no model, where targets have names, is most likely meant to be one."""
    if not config.targets or Path(model).suffix or ":" in model or os.sep in model or Path(model).exists():
        return
    names = [target.name for target in config.targets]
    close = get_close_matches(model, names, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(names)}."
    raise UsageError(f"no target is called {model!r}; {hint}")


def _check(
    name: str, options: Options, allowed: Sequence[Allowance], judged: Sequence[Allowance], config: Config
) -> int:
    """Check one model.

    Args:
        name: what a baseline calls it.
        options: with a model.
        allowed: findings that are meant.
        judged: those of them that must fit a finding.
        config: says where the baseline is.
    """
    _refuse_early(options)
    known, baseline_file = _baseline(options, config)
    from gradlint.project.isolation import guarded_check
    from gradlint.project.targets import against, settled
    from gradlint.rules import codes_matching

    settings = options.settings
    codes = {name: codes_matching(getattr(settings.options, name)) for name in ("select", "ignore")}
    arguments = Settings(codes).over(settings).arguments()
    guard = _guard(options)
    with _undisturbed(options) as progress:
        result = guarded_check(
            str(options.model), options.sample, arguments, guard, progress=progress, debug=options.debug
        )
    done = settled(name, result, allowed)
    if options.graph is not None:
        _write_graph(result, options.graph)
    if options.write_baseline:
        return _write_baseline([done], known, baseline_file, whole=False)
    done = against(done, known, _shown(baseline_file))
    result = done.result or result
    status = _report(result, options, _status(result))
    _say_gone([done], baseline_file)
    if unused := [allowance for allowance in done.unused if allowance in judged]:
        raise _unused_error(unused)
    return status


def _guard(options: Options) -> Guard:
    from gradlint.load.limits import limits_from
    from gradlint.project.isolation import Guard, default_isolation

    isolate = default_isolation() if options.isolate is None else options.isolate
    return Guard(limits_from(options.limits), options.timeout, isolate, _cache(options, isolate))


def _cache(options: Options, isolate: bool) -> Path | None:
    """The folder of known answers, if they may be used.

    They hold no graph. A check in isolation is one of files from strangers, who could send answers along.
    """
    from gradlint.project.cache import FOLDER

    if not options.cache or _wants_graph(options) or (isolate and options.cache_dir is None):
        return None
    return options.cache_dir or FOLDER


def _wants_graph(options: Options) -> bool:
    return options.graph is not None or options.format == "html"


def _check_changed(options: Options, config: Config) -> int:
    from gradlint.project.changes import concerned_targets

    names = [name for name in (options.model, options.sample, *options.more) if name is not None]
    for name in misplaced(names):
        _say(f"gradlint: {name}, after --changed, names a file; options come before it")
    found = concerned_targets(config, [Path(name) for name in names])
    if not found:
        _say("gradlint: the changed files concern no target")
        return OK
    return _check_targets(found, options, config, whole=False)


def _check_targets(targets: Sequence[Target], options: Options, config: Config, *, whole: bool) -> int:
    """Check several targets; `whole` when they are all that the file has."""
    from gradlint.project.targets import against, at_once, job_of, outcomes
    from gradlint.report import several

    _refuse_early_for_several(options)
    known, baseline_file = _baseline(options, config)
    stronger = options.settings
    guard = _guard(options)
    jobs = [replace(job_of(target, config, stronger), guard=guard, graph=_wants_graph(options)) for target in targets]
    processes = at_once(options.jobs or config.jobs, len(jobs))
    with _undisturbed(options) as progress:
        found = list(outcomes(jobs, processes, debug=options.debug, progress=progress))
    for done in found:
        if done.error:
            _failed(done.error if done.error.startswith(done.name) else f"{done.name}: {done.error}", options)
    failed = any(done.result is None for done in found)
    if options.write_baseline:
        return FAILED if failed else _write_baseline(found, known, baseline_file, whole=whole)
    found = [against(done, known, _shown(baseline_file)) for done in found]
    if options.output is None:
        _write(several.render(found, options.format, _style()), OK)
    else:
        for path, text in _files(found, options, options.output):
            write_whole(path, f"{text}\n" if text else "")
        _say(several.summary(found, Style(width=WIDTH)))
    _say_gone(found, baseline_file)
    if unused := _unused(found, targets, config, whole):
        raise _unused_error(unused)
    return FAILED if failed else max((_status(done.result) for done in found if done.result is not None), default=OK)


def _status(result: Result) -> int:
    """A rule that crashed leaves the question open: that outweighs what the others found."""
    return FAILED if result.crashed else OK if result.ok else FINDINGS


def _files(found: Sequence[Outcome], options: Options, output: Path) -> Iterator[tuple[Path, str]]:
    from gradlint.report import several

    style = Style(width=WIDTH)
    if several.PLACE not in str(output):
        yield output, several.render(found, options.format, style)
        return
    for done in found:
        if done.result is not None:
            name = done.name.replace("/", "-")
            yield Path(str(output).replace(several.PLACE, name)), FORMATS[options.format](done.result, style)


def _unused_error(unused: Sequence[Allowance]) -> UsageError:
    from gradlint.checking.suppression import unused_error

    return unused_error(unused)


def _unused(found: Sequence[Outcome], targets: Sequence[Target], config: Config, whole: bool) -> list[Allowance]:
    """The allowances that fit no finding: of a target, or of the file when all of its targets were checked."""
    own = [a for done, target in zip(found, targets, strict=True) for a in done.unused if a in target.allowed]
    shared = [a for a in config.allowed if whole and all(a in done.unused for done in found)]
    return [*own, *shared]


def _baseline(options: Options, config: Config) -> tuple[Baseline, Path | None]:
    """The known findings, and the file they are in; None when nobody asked for a baseline."""
    from gradlint.project.baseline import DEFAULT_FILE, read_baseline

    file = options.baseline or config.baseline
    if file is None and options.write_baseline:
        file = config.folder / DEFAULT_FILE
    if file is None or (options.write_baseline and not file.exists()):
        return {}, file
    return read_baseline(file), file


def _write_baseline(found: Sequence[Outcome], known: Baseline, file: Path | None, *, whole: bool) -> int:
    from gradlint.project.baseline import baseline_text

    assert file is not None
    entries = {} if whole else dict(known)  # a target that was not checked keeps its own
    entries |= {done.name: done.found.findings for done in found}
    write_whole(file, baseline_text(entries))
    _say(f"{_shown(file)}: {count(sum(map(len, entries.values())), 'known finding')}")
    return OK


def _say_gone(found: Sequence[Outcome], file: Path | None) -> None:
    gone = [(done.name, entry) for done in found for entry in done.gone]
    for name, entry in gone:
        where = f" at {entry.layer}" if entry.layer else ""
        _say(f"gradlint: gone from {name}: {entry.code}{where}: {' '.join(entry.message.split())}")
    if gone:
        _say(
            f"gradlint: {_shown(file)} knows {count(len(gone), 'finding')} that {'is' if len(gone) == 1 else 'are'} "
            f"gone; --write-baseline takes {'it' if len(gone) == 1 else 'them'} out"
        )


def _shown(path: Path | None) -> str:
    return "" if path is None else os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _refuse_early_for_several(options: Options) -> None:
    from gradlint.report import several

    if options.graph is not None:
        raise UsageError("--graph shows one target; name it.")
    named = options.output is not None and several.PLACE in str(options.output)
    if not named and not several.is_joinable(options.format):
        several.render((), options.format, Style())
    _refuse_early(options)


def _refuse_early(options: Options) -> None:
    """Say what cannot work before a model is loaded for it."""
    said = options.settings.options
    keys = [key for key, _ in said.mapping]
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
        if said.depth == "preflight":
            raise UsageError("--graph needs the model to run; leave out --depth preflight.")


def _report(result: Result, options: Options, status: int) -> int:
    render = FORMATS[options.format]
    if options.output is None:
        return _write(render(result, _style()), status)
    text = render(result, Style(width=WIDTH))
    write_whole(options.output, f"{text}\n" if text else "")
    _say(f"{verdict(result)}; {consequence(result)}; written to {options.output}")
    return status


def _write_graph(result: Result, path: Path) -> None:
    from gradlint.report.graph import graph_format, render_graph

    if result.graph is None:
        _say(f"gradlint: {path} is not written: the check ended before there was a graph")
        return
    write_whole(path, f"{render_graph(result.graph, graph_format(path), result.findings)}\n")


def _write(text: str, status: int) -> int:
    """Print `text`; a reader that has seen enough (`| head`) changes nothing about the verdict."""
    try:
        if text:
            print(fitting(text, sys.stdout.encoding))
        sys.stdout.flush()
    except OSError as error:
        # Python flushes once more at its end, and must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise UsageError(f"the report cannot be written: {error.strerror or error}") from error
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


def _failed(reason: str, options: Options, status: int = FAILED) -> int:
    if options.debug and sys.exc_info()[0] is not None:
        traceback.print_exc()
    _say(f"gradlint: {reason}")
    return status


def _say(text: str) -> None:
    """Say something on stderr, where nothing in it can act."""
    with contextlib.suppress(OSError):
        print(fitting(message(text), sys.stderr.encoding), file=sys.stderr)


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


def _word(read: Callable[[str], object]) -> Callable[[str], object]:
    """What reads one argument, for argparse."""

    def typed(text: str) -> object:
        try:
            return read(text)
        except MistakeError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return typed


def _add_setting(group: argparse._ArgumentGroup, name: str) -> None:
    words = SETTINGS[name]
    kind, flag = words.kind, f"--{words.flag or name.replace('_', '-')}"
    if kind.is_flag:
        group.add_argument(flag, dest=name, action="store_true", help=words.help)
    elif kind.choices:
        group.add_argument(flag, dest=name, choices=kind.choices, default=DEFAULTS[name], help=words.help)
    else:
        several = "extend" if kind is CODES else "append"
        group.add_argument(
            flag,
            dest=name,
            type=_word(kind.word),
            action=several if kind.several else "store",
            default=[] if kind.several else DEFAULTS[name],
            metavar=words.metavar,
            help=words.help,
        )


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < _LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return number


def _positive(text: str) -> int:
    if not (number := natural(text)):
        raise MistakeError("'0' is not a whole number from 1")
    return number


class _Parser(argparse.ArgumentParser):
    """Complains about arguments as everything else is said on stderr: names of files may hold anything."""

    def _print_message(self, text: str, file: IO[str] | None = None) -> None:  # type: ignore[override]  # its name
        file = file or sys.stderr
        if file is not sys.stderr:  # the help, which is ours
            super()._print_message(text, file)
            return
        with contextlib.suppress(OSError):
            file.write(fitting(message(text), getattr(file, "encoding", None)))


def parser_of_options() -> argparse.ArgumentParser:
    """The command line's grammar."""
    parser = _Parser(
        prog="gradlint",
        allow_abbrev=False,
        usage="gradlint MODEL [SAMPLE] [options]",
        description="Does the gradient of the loss reach everything that is supposed to learn, and if not, "
        "which line of the model stops it?",
        epilog="Exit status: 0 nothing at or above --fail-on, 1 findings, 2 the check could not run.",
    )
    add = parser.add_argument
    add(
        "model",
        nargs="?",
        metavar="MODEL",
        help="model.keras, model.h5, package.module:factory, or a target of the configuration; all of them "
        "when left out",
    )
    add(
        "sample",
        nargs="?",
        metavar="SAMPLE",
        help="sample.npz; made up from the model's inputs when left out",
    )
    add("more", nargs="*", help=argparse.SUPPRESS)

    group = parser.add_argument_group("report")
    add = group.add_argument
    add("--format", choices=tuple(FORMATS), default="table", help="(default: %(default)s)")
    add("--output", type=Path, metavar="FILE", help="write the report to FILE instead of stdout")
    add(
        "--graph",
        type=Path,
        metavar="FILE",
        help="write the graph: FILE.svg, .dot, .mermaid, .mmd, .graphml, .json",
    )
    for name in (name for name, words in SETTINGS.items() if words.group == "report"):
        _add_setting(group, name)

    group = parser.add_argument_group("check")
    for name in (name for name, words in SETTINGS.items() if words.group == "check"):
        _add_setting(group, name)

    add = parser.add_argument_group("files from strangers").add_argument
    add(
        "--isolate",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="check in a process of its own, without secrets and network (default: where CI is set)",
    )
    add(
        "--timeout",
        type=_seconds,
        default=600.0,
        metavar="SECONDS",
        help="end a check that takes longer (default: 600)",
    )
    add(
        "--cache",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="answer from the cache when nothing has changed (default: yes, unless isolated)",
    )
    add("--cache-dir", type=Path, metavar="FOLDER", help="the cache's folder (default: .gradlint_cache)")
    add(
        "--limit",
        dest="limits",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="raise a limit on what files may ask for: memory=8GB, config=64MB, items=20000, depth=400, ratio=1000",
    )

    add = parser.add_argument_group("project").add_argument
    add(
        "--config",
        type=Path,
        metavar="FILE",
        help="configuration instead of the nearest gradlint.toml or pyproject.toml",
    )
    add(
        "--jobs", type=_word(_positive), metavar="N", help="targets checked at a time (default: a core each, at most 4)"
    )
    add("--baseline", type=Path, metavar="FILE", help="findings in FILE are known and do not count")
    add("--write-baseline", action="store_true", help="write what is found now as known, and exit")
    add("--changed", action="store_true", help="what follows are changed files: check the targets they concern")
    add("--show-config", action="store_true", help="the settings in force, and where each comes from")

    add = parser.add_argument_group("look-ups").add_argument
    add("--explain", metavar="CODE", help="what a rule reports, why it matters, what to do")
    add("--list-rules", action="store_true", help="all rules")
    add("--completion", choices=SHELLS, help="print a script that completes gradlint's options in a shell")
    add(
        "--version",
        action="store_true",
        help="versions of gradlint, Python, TensorFlow and Keras; with --debug, everything it runs on",
    )
    add(
        "--debug",
        action="store_true",
        help="show tracebacks, warnings and logs; without a model, what gradlint runs on",
    )
    return parser
