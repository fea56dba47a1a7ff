"""The ways in: what a user gives becomes a case, on paper first and then ready to run, or a step that runs as it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.collector import uncollected
from gradlint.load.binding import bind
from gradlint.load.given import limits_of, on_paper
from gradlint.load.kinds import is_saved_model
from gradlint.load.paper import read_file, with_weights
from gradlint.load.search import is_named
from gradlint.passes.drops import unread_on_paper
from gradlint.passes.facts import Facts
from gradlint.rule import Need

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeGuard

    from gradlint.load.model.own_step import OwnStep, WholeBatch
    from gradlint.options import Options
    from gradlint.record.subject import Subject


@dataclass(frozen=True, slots=True)
class Case:
    """What is checked, on paper.

    Attributes:
        target: what the user calls it.
        paper: the model and the sample on paper.
        is_made_up: nobody gave a sample.
        whole: what `fit` would run, whether or not the sample is what the model's inputs take.
        has_keys: whoever made the sample may have written its keys; arrays in a tuple have those of the inputs.
    """

    target: str
    paper: Facts
    is_made_up: bool
    whole: WholeBatch | None = None
    has_keys: bool = True

    @property
    def unexpected(self) -> frozenset[str]:
        """Keys of the sample that are neither an input of the model nor labels of an output."""
        return frozenset(self.paper.binding.unexpected if self.paper.binding is not None else ())


@dataclass(frozen=True, slots=True)
class Ready:
    """A case that can be run.

    Attributes:
        is_live: the model is the user's own object, and was not loaded for this check.
    """

    case: Case
    subject: Subject
    is_live: bool


def stages(model: object, sample: object, needs: frozenset[Need], options: Options) -> Iterator[Case | Ready | OwnStep]:
    """As `cases`; where `fit` would run a step of the user's own on the sample, the last one is that step.

    Raises:
        GradlintError: as `cases`.
    """
    if not _is_file(model):  # a file is read on paper before what loads it is imported
        from gradlint.load.model.own_step import own_step

        if (step := own_step(model, sample, options)) is not None:
            yield step
            return
    # Of a generator, the batch is taken already.
    is_read_again = isinstance(sample, (str, os.PathLike, Mapping, tuple))
    for case in cases(model, sample, needs, options):
        if isinstance(case, Ready) and not case.is_live and is_read_again:
            from gradlint.load.model.own_step import own_train_step

            if (step := own_train_step(case.subject.model, sample, options)) is not None:
                yield replace(step, name=case.case.target)
                return
        yield case


def cases(model: object, sample: object, needs: frozenset[Need], options: Options) -> Iterator[Case | Ready]:
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
    if _is_file(model) and not is_trusted_folder:
        options.report("reading the files")
        with uncollected():  # what a file says is in no circle
            file = read_file(os.fspath(model), sample, options)
        if file.sample is not None or file.spec.inputs:
            specs = on_paper(file.spec, file.sample, options)
            binding = bind(file.spec, specs, dict(options.mapping), options.targets)
            drops = unread_on_paper(file.spec)
            yield Case(file.path, Facts(spec=file.spec, arrays=specs, binding=binding, drops=drops), sample is None)
        with uncollected():
            file = with_weights(file, options)
    from gradlint.load.model.own_step import whole_batch
    from gradlint.load.model.sizes import refuse_large_outputs
    from gradlint.load.model.target import ModelTarget, bound, target_of
    from gradlint.record.subject import subject_of

    whole = whole_batch(model, sample, options)
    target = target_of(model, sample, options, file)
    given = bound(target, options)
    paper = Facts(spec=target.spec, arrays=given.specs, binding=given.binding)
    case = Case(target.name, paper, target.sample is None, whole, not _is_without_keys(sample))
    if isinstance(target, ModelTarget):
        yield case
        if not options.is_symbolic:
            refuse_large_outputs(target.name, target.model, given.rows, limits_of(options), given.steps)
    yield Ready(case, subject_of(options, target, given, reduces_all=Need.REDUCED in needs), target.is_live)


def _is_file(model: object) -> TypeGuard[str | os.PathLike[str]]:
    """Whether a model is named by its file, or its folder, and not by what makes it."""
    return isinstance(model, (str, os.PathLike)) and not is_named(os.fspath(model))


def _is_without_keys(sample: object) -> bool:
    """Whether a sample is arrays, alone or in tuples and lists: nobody has written a key."""
    if isinstance(sample, (tuple, list)):
        return all(map(_is_without_keys, sample))
    return hasattr(sample, "shape") and not hasattr(sample, "columns")
