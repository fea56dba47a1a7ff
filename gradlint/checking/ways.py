"""The ways in: a file, a factory, a live model and a function become cases, on paper first and then ready to run."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.load.binding import bind
from gradlint.load.given import limits_of, on_paper
from gradlint.load.kinds import is_saved_model
from gradlint.load.paper import read_file
from gradlint.load.search import is_named
from gradlint.passes.drops import unread_on_paper
from gradlint.passes.facts import Facts
from gradlint.rule import Need

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.options import Options
    from gradlint.record.subject import Subject


@dataclass(frozen=True, slots=True)
class Case:
    """What is checked, as far as it is known.

    Attributes:
        target: what the user calls it.
        paper: the model and the sample on paper.
        is_made_up: nobody gave a sample.
        subject: what will be run; None as long as only the paper is there.
        is_live: the model is the user's own object, and was not loaded for this check.
    """

    target: str
    paper: Facts
    is_made_up: bool
    subject: Subject | None = None
    is_live: bool = False

    @property
    def unexpected(self) -> frozenset[str]:
        """Keys of the sample that are neither an input of the model nor labels of an output."""
        return frozenset(self.paper.binding.unexpected if self.paper.binding is not None else ())


def cases(model: object, sample: object, needs: frozenset[Need], options: Options) -> Iterator[Case]:
    """What is known of a model and its sample before anything is run, step by step; the last one is ready to run.

    Each step costs much more than the one before: whoever sees a fatal mistake on paper asks for no further one.

    Args:
        model: as for `gradlint.check()`.
        sample: as for `gradlint.check()`.
        needs: what the chosen rules need.
        options: how to check.

    Raises:
        GradlintError: files cannot be read, are not safe, or make no model.
        UsageError: the arguments do not go together.
    """
    file = None
    is_trusted_folder = options.trust_model and isinstance(model, (str, os.PathLike)) and is_saved_model(Path(model))
    if isinstance(model, (str, os.PathLike)) and not is_named(os.fspath(model)) and not is_trusted_folder:
        options.report("reading the files")
        file = read_file(os.fspath(model), sample, options)
        if file.sample is not None or file.spec.inputs:
            specs = on_paper(file.spec, file.sample, options)
            binding = bind(file.spec, specs, dict(options.mapping), options.targets)
            drops = unread_on_paper(file.spec)
            yield Case(file.path, Facts(spec=file.spec, arrays=specs, binding=binding, drops=drops), sample is None)
    from gradlint.load.model.sizes import refuse_large_outputs
    from gradlint.load.model.target import ModelTarget, bound, target_of
    from gradlint.record.subject import subject_of

    target = target_of(model, sample, options, file)
    given = bound(target, options)
    paper = Facts(spec=target.spec, arrays=given.specs, binding=given.binding)
    case = Case(target.name, paper, target.sample is None, is_live=target.is_live)
    if isinstance(target, ModelTarget):
        yield case
        if not options.is_symbolic:
            refuse_large_outputs(target.name, target.model, given.rows, limits_of(options), given.steps)
    yield replace(case, subject=subject_of(options, target, given, reduces_all=Need.REDUCED in needs))
