"""The command line's grammar, and what one line of it says."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from gradlint.cli.names import without_names
from gradlint.cli.words import is_bare_word, is_source
from gradlint.errors import alike
from gradlint.options import CODES, DEFAULTS, FLAGS, SETTINGS, MistakeError, Settings, number_word_from, one_of
from gradlint.project.terminal import say
from gradlint.report import FORMATS
from gradlint.report.text import wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    from gradlint.options import Kind
    from gradlint.project.parts import Shard


MERGE = "merge"
"""In the place of a model: what follows are parts of a run."""
SHELLS = ("bash", "zsh", "fish", "tcsh", "powershell")
_ENDINGS = {".html": "html", ".json": "json", ".sarif": "sarif", ".xml": "junit", ".md": "markdown"}
"""Of the file that --output names, to a format."""
_OF_TEXT = ("", ".txt", ".log", ".out")
"""Endings of files that people expect a table in."""
_LONGEST = 10**7
"""Seconds; timers of some systems cannot count much further."""


@dataclass(frozen=True, slots=True)
class Line:
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
    shard: Shard | None
    executor: str | None
    changed: bool
    baseline: Path | None
    write_baseline: bool
    completion: str | None
    compare: str | None
    explain: str | None
    explain_finding: bool
    list_rules: bool
    version: bool
    debug: bool
    stdin_filename: str | None
    exclude: list[str]
    force_exclude: bool
    fix: bool
    diff: bool
    unsafe_fixes: bool

    @property
    def words(self) -> tuple[str, ...]:
        """What the line names without an option's name before it."""
        return tuple(word for word in (self.model, self.sample, *self.more) if word is not None)


def parsed(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> Line:
    """The options; their settings are those that the user gave: they win over a configuration file."""
    # argparse leaves alone what a namespace already holds, so that None marks what was not given.
    names = {*SETTINGS, *(entry.name for entry in fields(Line))} - {"settings"}
    told, literal = without_names(sys.argv[1:] if arguments is None else arguments)
    known, unknown = parser.parse_known_intermixed_args(told, argparse.Namespace(**dict.fromkeys(names)))
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{_meant(unknown, parser)}")
    given = vars(known)
    positional = [given["model"], given["sample"], *(given["more"] or ())]
    positional = [name for name in positional if name is not None] + literal
    named = given.pop("named_sample", None)
    if named is not None:
        if len(positional) != 1:
            parser.error("--sample goes with one model or training step, and stands in place of SAMPLE")
        positional.append(named)
    given |= dict(zip(("model", "sample"), positional, strict=False)) | {"more": positional[2:]}
    given = {name: value for name, value in given.items() if value is not None and (name != "more" or value)}
    said = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    if "format" not in given and given.get("output") is not None:
        ending = given["output"].suffix.lower()
        if ending not in _ENDINGS and ending not in _OF_TEXT:
            more = "; --graph draws a picture" if ending == ".svg" else ", or say --format"
            parser.error(f"--output {given['output']}: choose one of {', '.join(_ENDINGS)}, .txt{more}")
        given["format"] = _ENDINGS.get(ending, "table")
    elif given.get("output") is not None:
        _note_other_ending(given["output"], given["format"])
    settings = Settings({name: value for name, value in said.items() if name in SETTINGS})
    own = {name: value for name, value in {**vars(parser.parse_args([])), **given}.items() if name not in SETTINGS}
    own.pop("named_sample", None)
    options = Line(**own, settings=settings)
    for what, word in (
        ("the model", options.model),
        ("the sample", options.sample),
        *(("a file", w) for w in options.more),
    ):
        if word is not None and not word.strip():  # A path of no characters would be the current folder.
            parser.error(f"the name of {what} is empty")
    if options.more and not options.changed and options.model != MERGE and not any(map(is_source, positional)):
        hint = f"; there is no command {options.model!r}: leave it out" if is_bare_word(str(options.model)) else ""
        if not hint:
            hint = (
                f"; one model is checked at a time, with one sample, and these are {options.model} and {options.sample}"
            )
        parser.error(f"unrecognized arguments: {' '.join(options.more)}{hint}")
    return options


def _note_other_ending(output: Path, form: str) -> None:
    """Say that a file will hold another format than its ending means; SARIF is JSON."""
    means = _ENDINGS.get(output.suffix.lower(), form)
    if form != means and (form, means) != ("sarif", "json"):
        say(f"gradlint: {output} will hold {form}, as --format says; its ending means {means}")


def _meant(unknown: Sequence[str], parser: argparse.ArgumentParser) -> str:
    """What the first of some unknown options was likely meant to be."""
    word = next((word.partition("=")[0] for word in unknown if word.startswith("-")), "")
    # argparse has no public list of what was added
    return alike(word, parser._option_string_actions)  # noqa: SLF001


def _word(read: Callable[[str], object]) -> Callable[[str], object]:
    """What reads one argument, for argparse."""

    def typed(text: str) -> object:
        try:
            return read(text)
        except MistakeError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return typed


def _add_choice(group: argparse._ArgumentGroup, flag: str, kind: Kind, **words: Any) -> None:
    """An option of few choices: what reads it complains in our words, and completion in a shell knows them."""
    group.add_argument(flag, type=_word(kind.word), choices=kind.choices, **words)


def _add_setting(group: argparse._ArgumentGroup, name: str) -> None:
    words = SETTINGS[name]
    kind, flag = words.kind, FLAGS[name]
    if kind.is_flag:
        group.add_argument(flag, dest=name, action="store_true", help=words.help)
    elif kind.choices:
        _add_choice(group, flag, kind, dest=name, default=DEFAULTS[name], help=words.help)
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


def _executor(text: str) -> str:
    from gradlint.project.cluster import SCHEME

    host, _, port = text.removeprefix(SCHEME).rpartition(":")
    if not text.startswith(SCHEME) or not host or not port.isdecimal():
        raise MistakeError(f"{text!r} is not {SCHEME}HOST:PORT")
    return text


def _shard(text: str) -> Shard:
    from gradlint.project.parts import Shard

    number, _, of = text.partition("/")
    are_numbers = number.isdecimal() and of.isdecimal()
    if not (are_numbers and 1 <= int(number) <= int(of)):
        said = f": there is no part {number} of {of}" if are_numbers else ""
        raise MistakeError(f"{text!r} is not K/N, such as 3/10{said}")
    return Shard(int(number), int(of))


_EPILOG = """\
examples:
  gradlint model.keras sample.npz                     check a model on a sample
  gradlint model.keras sample.npz --import layers.py  a model with layers of your own
  gradlint merge *.json                               one report of the parts that --shard K/N wrote
  gradlint server                                     findings in source for editors (LSP on stdin and stdout)
  gradlint models:make --format html --output r.html  what a function builds, as a page

Exit status: 0 nothing at or above --fail-on, 1 findings, 2 the check could not run.
Documents: the folder docs/ of the source; gradlint --explain CODE tells about a rule.
"""


class _Help(argparse.HelpFormatter):
    """Keeps the lines of the epilogue, as far as the terminal has room for them, and words with hyphens whole."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return wrapped(" ".join(text.split()), width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text != _EPILOG:
            return super()._fill_text(text, width, indent)
        lines: list[str] = []
        for line in text.splitlines():
            command, _, words = line.strip().partition("  ")
            if len(line) <= width:
                lines.append(line)
            elif words:  # an example, and below it what it is of
                lines += [*wrap(command, width, initial_indent="  ", subsequent_indent="      ")]
                lines += wrapped(words.strip(), width, " " * 6)
            else:
                lines += wrapped(line, width)
        return "\n".join(lines)


class _Parser(argparse.ArgumentParser):
    """Complains about arguments as everything else is said on stderr: names of files may hold anything."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        say(f"{self.prog}: error: {message}")
        raise SystemExit(2)


def parser_of_options() -> argparse.ArgumentParser:
    """The command line's grammar."""
    parser = _Parser(
        prog="gradlint",
        allow_abbrev=False,
        usage="gradlint MODEL [SAMPLE] [options]",
        description="Does the gradient of the loss reach everything that is supposed to learn, and if not, "
        "which line of the model stops it?",
        epilog=_EPILOG,
        formatter_class=_Help,
    )
    add = parser.add_argument
    add(
        "model",
        nargs="?",
        metavar="MODEL",
        help="model.keras, model.h5, package.module:factory, package.module:train_step, or a target of the "
        "configuration; all of them when left out",
    )
    add(
        "sample",
        nargs="?",
        metavar="SAMPLE",
        help="sample.npz, .npy, .csv or .parquet, the folder of a saved dataset, or module:function or "
        "FILE.py:function that gives a batch; made up from the model's inputs when left out",
    )
    add("more", nargs="*", help=argparse.SUPPRESS)
    add("--sample", dest="named_sample", metavar="FILE", help="the same as SAMPLE: gradlint module:step --sample s.npz")

    add(
        "--compare",
        metavar="OTHER",
        help="where and why a training step, or another version of the model, parts from MODEL on the same SAMPLE; "
        "never from the cache",
    )

    group = parser.add_argument_group("report")
    add = group.add_argument
    _add_choice(
        group,
        "--format",
        one_of(*FORMATS),
        default="table",
        metavar="FORMAT",
        help=f"{', '.join(FORMATS)} (default: %(default)s, or what FILE's ending means)",
    )
    add("--output", type=Path, metavar="FILE", help="write the report to FILE instead of stdout")
    add(
        "--graph",
        type=Path,
        metavar="FILE",
        help="write the graph: FILE.svg, .dot, .mermaid, .mmd, .graphml, .json",
    )
    add(
        "-v",
        "--explain-finding",
        action="store_true",
        help="under each finding, what was tried to confirm it, and what came of that",
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
    add("--cache-dir", type=Path, metavar="FOLDER", help="the cache's folder (default: the user's own for caches)")
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
        "--jobs",
        type=_word(number_word_from(1)),
        metavar="N",
        help="targets checked at a time (default: a core each, at most 4)",
    )
    add(
        "--executor",
        type=_word(_executor),
        metavar="dask://HOST:PORT",
        help="have a Dask cluster check the targets instead of this machine",
    )
    add(
        "--shard",
        type=_word(_shard),
        metavar="K/N",
        help="check part K of N of the targets; with --format json, gradlint merge makes one report of the parts",
    )
    add("--baseline", type=Path, metavar="FILE", help="findings in FILE are known and do not count")
    add("--write-baseline", action="store_true", help="write what is found now as known, and exit")
    add(
        "--changed",
        action="store_true",
        help="what follows are changed files: check the source and the targets they concern",
    )
    add("--show-config", action="store_true", help="the settings in force, and where each comes from")

    add = parser.add_argument_group("source").add_argument
    add("--stdin-filename", metavar="FILE.py", help="check the source on stdin (-) as if it were this file")
    add(
        "--exclude",
        action="append",
        default=[],
        metavar="PATTERN",
        help="leave out files and folders, as .gitignore would; may be given several times",
    )
    add("--fix", action="store_true", help="repair what has a certain repair, and report what is left")
    add("--diff", action="store_true", help="show what --fix would change, and change nothing")
    add("--unsafe-fixes", action="store_true", help="with --fix or --diff, also repairs that may change more")
    add("--force-exclude", action="store_true", help="leave out what is excluded even where it is named")
    group = parser.add_argument_group("look-ups")
    add = group.add_argument
    add("--explain", metavar="CODE", help="what a rule reports, why it matters, what to do")
    add("--list-rules", action="store_true", help="all rules")
    _add_choice(
        group, "--completion", one_of(*SHELLS), help="print a script that completes gradlint's options in a shell"
    )
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
