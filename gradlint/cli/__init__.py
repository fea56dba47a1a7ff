"""The command line: arguments to `check()`, its result to a report, its verdict to an exit status."""

from __future__ import annotations

import atexit
import contextlib
import errno
import gc
import os
import re
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from gradlint.cli.lookups import explanation, list_of_rules, versions_line
from gradlint.cli.output import INTERRUPTED, OK, give_up, print_whole
from gradlint.cli.parser import MERGE, Line, parsed, parser_of_options
from gradlint.cli.several import check_all, check_changed, check_mixed
from gradlint.cli.single import check_one
from gradlint.cli.words import divided, holds_source, refuse_command
from gradlint.errors import GradlintError, UsageError, closest
from gradlint.load import search
from gradlint.load.temporary import remove_folders
from gradlint.project.terminal import say
from gradlint.report.text import listed

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from types import FrameType

    from gradlint.project.config import Config


def main(arguments: Sequence[str] | None = None) -> int:
    """Run gradlint with these arguments (those of the process when None); gives the exit status."""
    # A name that the terminal's encoding lacks is shown escaped; it must not end the report.
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the shell: `>&-`
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    # At its end Python would take apart what goes anyway, which after TensorFlow's import takes a while.
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
    parser = parser_of_options()
    options = parsed(parser, arguments)
    interrupts = _listen_to_interrupts()
    try:
        with search.restored():
            return _run(options, parser)
    except (Exception, KeyboardInterrupt) as error:
        if interrupts or _is_of_an_interrupt(error):
            status = give_up(options, "interrupted", status=INTERRUPTED)
            if interrupts:
                _end_at_once(status)
            return status
        if isinstance(error, GradlintError):
            return give_up(options, *error.args)
        if isinstance(error, ModuleNotFoundError) and _is_dependency(error.name or ""):
            return give_up(
                options,
                f"this needs {error.name}, and gradlint is installed here without what models need, to check source "
                "alone: install keras-gradlint with its dependencies",
            )
        if isinstance(error, OSError) and error.errno in _OF_THE_SYSTEM:
            return give_up(options, f"the system lacks what a check needs: {error.strerror}")
        reason = f"{type(error).__name__}: {error}".strip()
        advice = "" if options.debug else "run again with --debug, and "
        return give_up(
            options,
            f"internal error: {reason}",
            f"This is a bug in gradlint: please {advice}report the traceback together with the output of "
            "`gradlint --version --debug`.",
        )


def _is_of_an_interrupt(error: BaseException | None) -> bool:
    """Whether it came of Ctrl-C: what unwinds may fail, and Python 3.11 wraps what comes while a class is made."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


_MOST_NAMED = 5
"""Models that a message names before it counts the others."""
_OF_THE_SYSTEM = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM, errno.ENOSPC, errno.EROFS, errno.EIO}
)
"""Errors that no file and no argument is to blame for: open files, processes, memory, disks."""


def _is_dependency(module: str) -> bool:
    """Whether a module comes with gradlint, unless pip is told otherwise; all of these are named as their projects."""
    from importlib import metadata

    names = (requirement.partition(";")[0] for requirement in metadata.requires("keras-gradlint") or ())
    return module.partition(".")[0] in {re.split(r"[^\w-]", name)[0] for name in names}


def _listen_to_interrupts() -> list[int]:
    """Ctrl-C is an exception from here on; while the program was being imported, it ended it.

    Returns:
        the signals that came, kept up to date: C code that imports loses the exception, and fails with another one.
    """
    came: list[int] = []

    def interrupted(number: int, frame: FrameType | None) -> None:
        came.append(number)
        signal.default_int_handler(number, frame)

    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, interrupted)
    return came


def _end_at_once(status: int) -> NoReturn:
    """Python's own end takes modules apart, and those in C that were half imported crash at it."""
    remove_folders()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def _run(options: Line, parser: argparse.ArgumentParser) -> int:
    if options.version and options.debug:
        from gradlint.cli.versions import details

        return print_whole(details(), OK)
    if options.version:
        return print_whole(versions_line(), OK)
    if options.list_rules:
        return print_whole(list_of_rules(), OK)
    if options.explain is not None:
        return print_whole(explanation(options.explain), OK)
    if options.completion is not None:
        from gradlint.cli.completion import script

        return print_whole(script(parser, options.completion), OK)
    config = _config(options)
    from gradlint.project.folders import leave_folders

    sources, others = divided(options.words)
    _warn_of_training(options, others)
    leave_folders(config, others[:2], is_named="imports" in options.settings.said)
    if options.show_config:
        from gradlint.project.showing import shown_config

        return print_whole(shown_config(config, options.settings), OK)
    if options.model == "server" and options.sample is None and not Path("server").exists():
        from gradlint.cli.server import serve

        return serve()
    if options.compare is not None and options.model is None:
        return give_up(options, "--compare needs two: gradlint model.keras sample.npz --compare other.keras")
    if options.model == MERGE and not Path(MERGE).exists():
        from gradlint.cli.merging import merge

        return merge([word for word in (options.sample, *options.more) if word is not None], options)
    if options.changed:
        return check_changed(options, config)
    if others == ["-"] and options.stdin_filename is None:
        return give_up(options, "source on stdin needs the name of its file: gradlint --stdin-filename FILE.py -")
    if sources or options.stdin_filename is not None:
        from gradlint.cli.source import refuse_options_of_runs
        from gradlint.project.config import paired_targets

        others = [word for word in others if word != "-"]
        if others:
            return check_mixed(sources, others, options, config)
        pairs, alone = paired_targets(config, sources)
        holding = [word for word in sources if holds_source(word)]
        if alone and not pairs and not holding:
            return give_up(options, _about_alone(alone))
        if alone:
            say(f"gradlint: {_about_alone(alone)}")
        elif not pairs and (empty := [word for word in sources if not holds_source(word)]):
            return give_up(
                options,
                f"{empty[0]} has nothing to check: no model with a sample beside it, such as model.keras and model.npz "
                "or sample.npz, and no Python file or notebook",
            )
        if pairs:
            return check_all(pairs, holding, options, config, whole=False)
        if alone and options.graph is None and options.compare is None:  # what the options are for is said above
            return check_all((), holding, options, config, whole=False)
        refuse_options_of_runs(options, sources)
        return check_all((), sources, options, config, whole=False)
    if options.model is None and (config.targets or config.sources):
        from gradlint.project.targets import from_here

        return check_all(config.targets, [from_here(path) for path in config.sources], options, config, whole=True)
    if options.model is None and options.debug:
        from gradlint.cli.versions import details

        return print_whole(details(), OK)
    if options.model is None:
        parser.print_usage(sys.stderr)
        return give_up(options, "name a model to check; gradlint --help lists the options")
    if options.compare is not None:
        return _compare(options, config)
    if (target := config.target(options.model)) is not None:
        from gradlint.project.targets import from_here

        sample = options.sample or (from_here(target.sample) if target.sample is not None else None)
        own = replace(options, model=from_here(target.model), sample=sample)
        own = replace(own, settings=options.settings.over(target.settings))
        return check_one(target.name, own, (*target.allowed, *config.allowed), target.allowed, config)
    refuse_command(options.model, options.sample)
    _refuse_unknown_name(options.model, config)
    from gradlint.project.config import name_of_model

    own = replace(options, settings=options.settings.over(config.settings))
    return check_one(name_of_model(config, options.model), own, config.allowed, (), config)


def _about_alone(models: Sequence[Path]) -> str:
    """Why models that are met in a folder are not checked."""
    first = models[0]
    samples = sorted(first.parent.glob("*.npz"))
    repair = f"gradlint {first} checks it on a sample that is made up"
    if samples:
        repair = f"say which sample is its own: gradlint {first} {samples[0]}"
    own = first.with_suffix(".npz").name
    if len(models) == 1:
        return f"{first} is not checked: no {own} and no sample.npz is beside it; {repair}"
    names = listed([str(model) for model in models], _MOST_NAMED)
    return f"{names} are not checked: none has a sample of its name, such as {own}, or a sample.npz beside it; {repair}"


def _warn_of_training(options: Line, others: Sequence[str]) -> None:
    """Say so before a training script is run, which is what importing one does.

    Raises:
        UsageError: it would write over what is to be checked.
    """
    imports = options.settings.options.imports
    named = [match["module"] for word in others[:2] if (match := search.NAMED.fullmatch(word)) is not None]
    for name in dict.fromkeys((*imports, *named)):
        from gradlint.checking.scripts import overwrites_when_imported, trains_when_imported

        if (written := overwrites_when_imported(name, others)) is not None:
            raise UsageError(
                f"importing {name} runs it, and line {written[0]} writes {written[1]}, which is to be checked; "
                'put what only a run should do under if __name__ == "__main__":'
            )
        if (line := trains_when_imported(name)) is not None:
            say(
                f"gradlint: importing {name} runs it, and line {line} trains a model; put what only a run should do "
                'under if __name__ == "__main__":'
            )


def _config(options: Line) -> Config:
    from gradlint.project.config import find_config, load_config

    if options.config is not None and not options.config.is_file():
        raise UsageError(f"--config {options.config}: there is no such file.")
    file = options.config or find_config(Path.cwd())
    config = load_config(file, Path.cwd())
    if file is not None and config.lines and options.config is None and file.parent != Path.cwd().resolve():
        say(f"gradlint: the configuration is {os.path.relpath(file)}")
    return config


def _compare(options: Line, config: Config) -> int:
    """Compare two, each of which may be a target by its name."""
    from gradlint.cli.comparing import compare_two
    from gradlint.project.targets import from_here

    second, first = config.target(str(options.compare)), config.target(str(options.model))
    for target, name in ((first, options.model), (second, options.compare)):  # the sample of the first one counts
        if target is None:
            _refuse_unknown_name(str(name), config)
            continue
        if options.sample is None and target.sample is not None:
            options = replace(options, sample=from_here(target.sample))
    if second is not None:
        options = replace(options, compare=from_here(second.model))
    if first is None:
        return compare_two(options, config.settings if second is None else second.settings)
    return compare_two(replace(options, model=from_here(first.model)), first.settings)


_CUTOFF = 0.5
"""Names of targets are few, and short: `gud` is meant to be `good`."""


def _refuse_unknown_name(model: str, config: Config) -> None:
    """A word that can be no model, where targets have names, is most likely meant to be one."""
    if not config.targets or Path(model).suffix or ":" in model or os.sep in model or Path(model).exists():
        return
    names = [target.name for target in config.targets]
    close = closest(model, names, cutoff=_CUTOFF)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(names)}."
    raise UsageError(f"no target is called {model!r}; {hint}")
