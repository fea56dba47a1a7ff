"""What an observed step does not train, although it is trainable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from gradlint.record import call_text, source
from gradlint.record.reading import is_inference, readers_of
from gradlint.record.recording import LeftOut
from gradlint.record.terms import Omission
from gradlint.upstream import eager

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gradlint.record.live import LiveCall
    from gradlint.record.observation import StepTrace
    from gradlint.record.step_record import Frames
    from gradlint.record.step_task import StepRun

# Parts of this name follow what learns, or stand beside it: nobody means to train them.
FOLLOWERS = frozenset(
    {"target", "targets", "teacher", "ema", "momentum", "average", "averaged", "avg", "frozen", "reference", "ref"}
    | {"old", "slow", "shadow", "swa", "polyak"}
)


def left_out_of(
    trace: StepTrace, run: StepRun, judged: Sequence[Any], owner: Any, *, is_named: bool
) -> dict[int, LeftOut]:
    """The trainable variables that no call of the step asks for, by handle id.

    Args:
        trace: of the step.
        run: knows all variables.
        judged: those of them that should learn; the others rest.
        owner: the model whose own `train_step` it is, or None.
        is_named: somebody has said that those should learn. Where none of them does, that is no accident of a part
            that stands beside what learns.
    """
    calls = [live for live in trace.live_calls if any(t.dtype == tf.resource for t in live.sources)]
    asked = {eager.tensor_id(tensor) for live in calls for tensor in live.sources}
    meant = {eager.tensor_id(eager.handle_of(variable)) for variable in judged}
    none_learns = is_named and meant.isdisjoint(asked) and meant.isdisjoint(trace.before)
    in_turns = _trains_in_turns(calls)
    if owner is not None:  # What its class chooses from may be several methods away.
        in_turns = in_turns or source.trains_in_turns(type(owner), "train_step")
    readers = readers_of(trace)
    paths = dict(zip((eager.tensor_id(run.handle(v)) for v in run.learning()), run.paths(), strict=True))
    parts = _parts(run)
    found: dict[int, LeftOut] = {}
    for variable in run.learning():
        handle = run.handle(variable)
        key = eager.tensor_id(handle)
        if not variable.trainable or key in asked:
            continue
        reads = [position for index in trace.versions(handle) for position in readers.get(index, ())]
        reaching = [live for live in calls if any(eager.tensor_id(h) == key for h in live.in_reach)]
        if key not in meant:
            found[key] = LeftOut(Omission.RESTING)
        elif not reads:
            if in_turns:
                found[key] = LeftOut(Omission.RESTING)
        elif none_learns and calls:
            frame = next(iter(calls[-1].frames), None)
            found[key] = LeftOut(
                Omission.UNASKED, in_turns, frame.file if frame else None, frame.line if frame else None
            )
        elif (
            not reaching
            or key in trace.before
            or all(is_inference(trace, read) for read in reads)
            or FOLLOWERS & set(_words(f"{parts.get(key, '')}/{paths[key]}"))
        ):
            found[key] = LeftOut(Omission.RESTING)
        else:
            place = _most_alike(reaching, f"{parts.get(key, '')}/{paths[key]}")
            frame = place.frames[0] if place.frames else None
            found[key] = LeftOut(
                Omission.UNASKED, in_turns, frame.file if frame else None, frame.line if frame else None
            )
    return found


def followers_moved(trace: StepTrace, run: StepRun, judged: Sequence[Any]) -> Iterator[tuple[tuple[str, ...], Frames]]:
    """Variables that by their names follow or teach others, and that an update moves together with those.

    Args:
        trace: of the step.
        run: knows all variables.
        judged: those that somebody has named as what should learn; a follower is not among them.
    """
    meant = {eager.tensor_id(eager.handle_of(variable)) for variable in judged}
    parts = _parts(run)
    paths = dict(zip((eager.tensor_id(run.handle(v)) for v in run.learning()), run.paths(), strict=True))
    together: set[int] = set()
    for live in trace.live_calls:
        keys = {eager.tensor_id(tensor) for tensor in live.sources}
        together |= keys - meant if keys & meant else set()
    for update in trace.live_updates:
        given = [v for gradient, v in update.application.pairs or () if gradient is not None]
        keys = {eager.tensor_id(eager.handle_of(variable)) for variable in given}
        moved = [key for key in paths if key in keys & together]
        found = tuple(paths[key] for key in moved if FOLLOWERS & set(_words(f"{parts.get(key, '')}/{paths[key]}")))
        if found:
            yield found, update.frames


def _parts(run: StepRun) -> dict[int, str]:
    """The name of the model that each variable belongs to, by handle id."""
    found: dict[int, str] = {}
    for owner in run.subject.learners:
        for variable in getattr(owner, "variables", ()):
            if hasattr(eager.tf_variable(variable), "handle"):
                found.setdefault(eager.tensor_id(eager.handle_of(variable)), str(getattr(owner, "name", "")))
    return found


def _words(text: str) -> list[str]:
    return [word for word in "".join(c if c.isalpha() else " " for c in text.lower()).split() if word]


def _most_alike(calls: Sequence[LiveCall], name: str) -> LiveCall:
    """Of several gradient calls the one whose line speaks of a part of this name; among equals the last."""
    words = _words(name)

    def likeness(live: LiveCall) -> int:
        if not live.frames:
            return 0
        text = call_text.line(live.frames[0].file, live.frames[0].line)
        return sum(any(word.startswith(token) for word in words) for token in _words(text))

    return max(enumerate(calls), key=lambda pair: (likeness(pair[1]), pair[0]))[1]


def _trains_in_turns(calls: Sequence[LiveCall]) -> bool:
    """Whether a function that takes gradients does so under a condition: another step may train others."""
    places = {(frame.file, frame.function) for live in calls for frame in live.frames}
    return any(source.chooses_what_trains(file, first) for file, first in places)
