"""Terms of a loss that a step computes and does not differentiate."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint.operations import Trait, has
from gradlint.record.terms import Region, is_float

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.flow import Flow
    from gradlint.record.step_record import Frame, StepRecord

_TERMS = re.compile(r"loss|reg|penal|aux|entrop|diverg|(^|_)(kl|kld|l1|l2|mmd|tv)($|_)", re.IGNORECASE)
"""What people call a term of a loss; another number may be computed to be looked at in a debugger."""


@dataclass(frozen=True, slots=True)
class LeftOutTerm:
    """A number that depends on what learns and is a part of nothing that is differentiated.

    Attributes:
        name: that it is bound to, or added to.
        is_late: it is added to the loss when that has been differentiated; otherwise nobody reads it.
    """

    name: str
    frame: Frame
    position: int
    variables: tuple[str, ...]
    is_late: bool


def left_out_terms(flow: Flow, step: StepRecord) -> Iterator[LeftOutTerm]:
    """The terms that the code of a step calls losses, or adds to one, and that none of its tapes is asked about."""
    from gradlint.record import call_text

    if step.crash is not None or not step.calls:
        return
    sources = {source.tensor: source.variable for call in step.calls for source in call.sources if source.variable}
    learning = flow.descendants(sources)
    heard = flow.ancestors({target for call in step.calls for target in call.targets})
    told: set[Frame] = set()
    for position, op in enumerate(flow.recording.ops):
        frames = step.frames.get(position, ())
        if not frames or op.region is not Region.LOSS or has(op.type, Trait.ASSIGNS):
            continue
        term = _late(flow, step, position) or _unread(flow, step, position)
        if term is None or term not in learning or term in heard:
            continue
        is_late = term not in op.outputs
        # A function that the step calls may make the term.
        named = ((call_text.extended(f) if is_late else call_text.bound_for_nobody(f), f) for f in frames)
        name, frame = next((pair for pair in named if _fits(pair[0], step, position, is_late=is_late)), ("", frames[0]))
        if name and frame not in told:
            told.add(frame)
            behind = flow.ancestors([term])
            paths = tuple(dict.fromkeys(path for tensor, path in sources.items() if _reaches(flow, tensor, behind)))
            yield LeftOutTerm(name, frame, position, paths, is_late)


def _fits(name: str, step: StepRecord, position: int, *, is_late: bool) -> bool:
    if is_late:
        return any(call.target_text == name and call.last <= position for call in step.calls)
    return bool(name and _TERMS.search(name))


def _reaches(flow: Flow, handle: int, behind: frozenset[int]) -> bool:
    return not behind.isdisjoint({handle, *(o for p, _ in flow.consumers[handle] for o in flow.op(p).outputs)})


def _unread(flow: Flow, step: StepRecord, position: int) -> int | None:
    """A number that an operation makes while a tape records, and that nothing reads."""
    op = flow.op(position)
    if len(op.outputs) != 1 or not any(tape.records(position) for tape in step.tapes) or _is_backward(step, position):
        return None
    (made,) = op.outputs
    gone = {*step.returned, *step.taken, *step.kept}
    is_number = is_float(flow.tensor(made).dtype) and flow.tensor(made).shape == ()
    return made if is_number and made not in gone and not flow.consumers[made] else None


def _late(flow: Flow, step: StepRecord, position: int) -> int | None:
    """What an operation adds to a target that has been differentiated."""
    op = flow.op(position)
    if not has(op.type, Trait.ADDS) or len(op.inputs) != 2:
        return None
    targets = {target for call in step.calls if call.last <= position for target in call.targets}
    terms = [index for index in op.inputs if index not in targets and flow.tensor(index).shape == ()]
    return terms[0] if len(terms) == 1 else None


def _is_backward(step: StepRecord, position: int) -> bool:
    return any(call.first <= position < call.last for call in step.calls)
