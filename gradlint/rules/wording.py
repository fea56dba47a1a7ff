"""Phrases and evidence that several rules share; a rule decides, this only words it."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from gradlint.cells import line_in_words
from gradlint.finding import Cause, Evidence
from gradlint.operations import CUSTOM_GRADIENT, NUMPY_CONVERSION, Trait, has
from gradlint.passes.consequences import severity_of_block, severity_of_cut, severity_of_drop
from gradlint.passes.otherdata import Drawn
from gradlint.passes.reasons import Why
from gradlint.passes.where import cause_of
from gradlint.record.terms import Local, Region
from gradlint.severity import Certainty, Consequence, severity_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gradlint.finding import Finding, Severity
    from gradlint.flow import Flow
    from gradlint.passes.blocks import Block
    from gradlint.passes.cuts import Cut
    from gradlint.passes.drops import Drop
    from gradlint.passes.facts import Facts
    from gradlint.passes.memory import Memory
    from gradlint.passes.nonfinite import Birth
    from gradlint.passes.otherdata import OtherData
    from gradlint.passes.scale import Trend
    from gradlint.record.leak import Leak
    from gradlint.record.recording import VariableRecord
    from gradlint.record.start import Start
    from gradlint.rule import Rule


def counted(number: int, noun: str) -> str:
    """`1 variable`, `3 variables`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(names: Sequence[str]) -> str:
    """`'a'`, `'a' and 'b'`, `'a', 'b' and 3 more`."""
    quoted = [f"'{name}'" for name in names]
    if len(quoted) > 4:
        return f"{', '.join(quoted[:3])} and {len(quoted) - 3} more"
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else "".join(quoted)


def when_scaled(start: Start) -> str:
    """`when 'x' is scaled by its own deviation (600)`."""
    deviation = max(size for _, size in start.scaled)
    keys = listed([key for key, _ in start.scaled])
    own = "is scaled by its" if len(start.scaled) == 1 else "are scaled by their"
    return f"when {keys} {own} own deviation ({deviation:.3g})"


def victims(inputs: Sequence[str], variables: Sequence[VariableRecord]) -> str:
    """`input 'a' and 4 trainable variables`."""
    parts = []
    if inputs:
        parts.append(f"input{'' if len(inputs) == 1 else 's'} {listed(inputs)}")
    if variables:
        parts.append(f"'{variables[0].path}'" if len(variables) == 1 else counted(len(variables), "trainable variable"))
    return " and ".join(parts)


def paths(variables: Sequence[VariableRecord]) -> tuple[str, ...]:
    """The paths of variables."""
    return tuple(variable.path for variable in variables)


def shape(lengths: Sequence[int]) -> str:
    """`(8,)`, `(8, 5)`."""
    return str(tuple(lengths))


def ranges(numbers: Sequence[int]) -> str:
    """`0-8`, `3 and 7`, `0-2, 5 and 9-11`."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1][1:] = [number]
        else:
            spans.append([number])
    words = [str(span[0]) if len(span) == 1 else f"{span[0]}-{span[-1]}" for span in spans]
    if len(words) > 6:
        words = [*words[:5], f"{len(words) - 5} more ranges"]
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def is_detour(op_type: str) -> bool:
    """Whether an operation takes values out of TensorFlow and back."""
    return has(op_type, Trait.LEAVES)


def drop_finding(rule: Rule, facts: Facts, drop: Drop, message: str, advice: str = "") -> Finding:
    """A finding about a value that is dropped, at the line that leaves it behind."""
    return rule.finding(
        message,
        severity=severity_of_drop(facts, drop),
        inputs=drop.inputs,
        variables=paths(drop.variables),
        cause=Cause(
            drop.layer or None, None if drop.handed_to or drop.op is None else drop.op.type, drop.file, drop.line
        ),
        evidence={"kind": drop.kind.value, "reason": drop.reason or None, "variables": len(drop.variables)},
        position=drop.position,
        advice=advice,
    )


def received(drop: Drop) -> str:
    """` after line 33`: the line that gets a value and hands it to nobody, where the finding names another."""
    return f" after line {drop.received_at} receives it" if drop.received_at is not None else ""


def cuts_in_words(rule: Rule, facts: Facts, said: Callable[[Flow, Cut], tuple[str, str] | None]) -> Iterator[Finding]:
    """One finding per cut that a rule has words for.

    Args:
        rule: whose findings they are.
        facts: about the run.
        said: the message, and what to do where the rule's own advice will not do; None for other rules' cuts.
    """
    for cut in facts.cuts if facts.flow is not None else ():
        if facts.flow is not None and (words := said(facts.flow, cut)) is not None:
            yield _cut_finding(rule, facts.flow, cut, *words, severity_of_cut(facts, cut))


def terms_in_words(rule: Rule, facts: Facts, why: Callable[[Cut], str | None]) -> Iterator[Finding]:
    """One finding per term of the loss that a rule has words for: why it has no gradient, None for other rules' terms.

    Args:
        rule: whose findings they are.
        facts: about the run.
        why: the first half of the message.
    """
    for cut in facts.terms if facts.flow is not None else ():
        if facts.flow is not None and (words := why(cut)) is not None:
            behind = victims((), cut.variables)
            severity = severity_of(Consequence.UNHEARD)
            message = f"{words}: a term of the loss is a constant to the tape, and moves none of {behind}"
            if cut.local in (Local.RAISES, Local.UNREGISTERED):
                # With the tape the step ends, whatever other terms there are; what raises may do so on these values.
                of_values = Certainty.IN_SAMPLE if cut.local is Local.RAISES else Certainty.CERTAIN
                severity = severity_of(Consequence.NOTHING_LEARNS, of_values)
                message = f"{words}: a term of the loss is computed by it, and the tape gives no gradient of any other"
            yield _cut_finding(rule, facts.flow, cut, message, "", severity)


def is_of_step(facts: Facts, cut: Cut) -> bool:
    """Whether a training step itself, and no model in it, does what cuts."""
    return facts.step is not None and cut.op.region is Region.LOSS


def moves_in_steps(cut: Cut) -> bool:
    """Whether the result of an operation is one of several values, with nothing between them."""
    return cut.makes_discrete or has(cut.op.type, Trait.STEPS)


def blocks_in_words(
    rule: Rule,
    facts: Facts,
    said: Callable[[Flow, Block], tuple[str, str] | None],
    is_meant: Callable[[Block], bool] = lambda block: False,
) -> Iterator[Finding]:
    """One finding per place of zero gradients that a rule has words for.

    Args:
        rule: whose findings they are.
        facts: about the run.
        said: the message, and what to do where the rule's own advice will not do; None for other rules' places.
        is_meant: whether somebody wants the zero.
    """
    for block in facts.blocks if facts.flow is not None else ():
        if facts.flow is not None and (words := said(facts.flow, block)) is not None:
            severity = severity_of_block(facts, block, is_meant=is_meant(block))
            yield _block_finding(rule, facts, facts.flow, block, *words, severity)


def _cut_finding(rule: Rule, flow: Flow, cut: Cut, message: str, advice: str, severity: Severity) -> Finding:
    """An absent gradient at the operation that cuts it, with its victims and the other places that share them."""
    others = [cause_of(flow, position) for position in cut.others[:8]]
    evidence: Evidence = {
        "operand_gradient": cut.local.value,
        "variables": len(cut.variables),
        "also": [
            " ".join(filter(None, [o.layer, o.op, line_in_words(o.file, o.line) if o.file else ""])) for o in others
        ],
        "experiments": _bridged(flow, cut),
    }
    return _finding_at(rule, flow, cut, message, severity, evidence, advice)


def _bridged(flow: Flow, cut: Cut) -> list[str]:
    """What letting the gradient through a cut has shown, in words."""
    if cut.is_doubtful:
        return [f"with the gradient let through {_at(flow, cut.position)}, nothing behind it received one"]
    if not cut.is_measured:
        return ["by the form of the graph: no experiment has let the gradient through"]
    size = f", norm {cut.norm:.1g}" if cut.norm is not None else ""
    number = len(cut.inputs) + len(cut.variables)
    who = {1: "its victim receives one", 2: "both victims receive one"}.get(number, f"all {number} victims receive one")
    alone = [f"let through {_at(flow, later)} alone, it reaches none of them" for later in cut.later]
    opened = " as well" if cut.later else ""
    kinds = {flow.op(other).type for other in cut.others} - {cut.op.type}
    through = " and ".join([_at(flow, cut.position), *(f"`{kind}`" for kind in sorted(kinds))])
    return [*alone, f"with the gradient let through {through}{opened}, {who}{size}"]


_SPOKEN = {NUMPY_CONVERSION: "NumPy", CUSTOM_GRADIENT: "the custom gradient", "AssignVariableOp": "the assignment"}


def _at(flow: Flow, position: int) -> str:
    """`Round at layers.py:22`."""
    cause = cause_of(flow, position)
    place = (
        PurePath(line_in_words(cause.file, cause.line)).name
        if cause.file
        else f"'{cause.layer}'"
        if cause.layer
        else ""
    )
    name = _SPOKEN.get(cause.op or "", f"`{cause.op}`")
    return f"{name} at {place}" if place else name


def _block_finding(
    rule: Rule, facts: Facts, flow: Flow, block: Block, message: str, advice: str, severity: Severity
) -> Finding:
    """A zero gradient at the operation that blocks it, with its victims and the numbers behind it."""
    evidence: Evidence = {
        "why": block.why.value,
        "inactive_share": block.share,
        "operand_min": block.low,
        "operand_max": block.high,
        "elements": block.size,
        "slope_by_finite_differences": block.mismatch,
        "experiments": [*_tried_in_time(facts, block), *_tried_one_by_one(block), *_tried_on_other_data(block)],
    }
    return _finding_at(rule, flow, block, message, severity, evidence, advice)


def _tried_in_time(facts: Facts, block: Block) -> list[str]:
    """What updates, other seeds and finite differences have shown of a block, in words."""
    said = []
    if facts.updates:
        said.append(
            f"after {counted(facts.updates, 'update')} by the optimizer, the gradient is zero or tiny as before"
        )
    if facts.probes:
        said.append(f"so it is on {counted(len(facts.probes), 'perturbed sample')}, each with a seed of its own")
    moves = [name for name in (*block.inputs, *paths(block.variables)) if name in facts.lying]
    if moves:
        said.append(
            f"the loss changes when {listed(moves)} {'does' if len(moves) == 1 else 'do'}, by finite differences"
        )
    return said


def _tried_one_by_one(block: Block) -> list[str]:
    """What random values in one of several variables of zeros have shown, in words."""
    if block.factor is None or not block.partners:
        return []
    either = " or ".join(f"'{variable.path}'" for variable in block.partners)
    return [f"with random values in {either} alone, '{block.factor.path}' has a gradient"]


def _tried_on_other_data(block: Block) -> list[str]:
    """What random data in place of the sample's have shown of a block, in words."""
    if block.revived_by is not None:
        return [on_other_data(block.revived_by, (*block.inputs, *paths(block.variables)))]
    said = "on random data, of the sample's own scale and others, nothing behind it has a gradient either"
    if block.why is Why.ROUNDING:
        said = "1.7 times the loss has another gradient than 1.7 times its own; on random data, with other weights, too"
    return [said] if block.is_tested else []


def on_other_data(other: OtherData, names: Sequence[str]) -> str:
    """What has a gradient on other data, in words."""
    norm = max((other.norms.get(name, 0.0) for name in names), default=0.0)
    who = "it has one" if len(names) == 1 else f"all {len(names)} have one"
    return f"{_DRAWN[other.drawn]}, {who}, norm {norm:.1g}"


def advice_on_data(block: Block) -> str:
    """What to do where the values of the sample keep a gradient from passing; nothing where they do not."""
    if block.revived_by is None or block.in_loss:
        return ""
    return _ON_DATA.get(block.revived_by.drawn, "")


_ON_DATA = {
    Drawn.OWN_SCALE: "Centre the inputs: of the same scale around zero, the gradient passes.",
    Drawn.UNIT_SCALE: "Scale the inputs (Normalization): with a mean of 0 and a deviation of 1, the gradient passes.",
}
_DRAWN = {
    Drawn.EMPTY: "with arrays that hold zeros alone filled with random numbers",
    Drawn.OWN_SCALE: "on random data of the sample's own scale, with a mean of zero",
    Drawn.UNIT_SCALE: "on random data with a mean of 0 and a deviation of 1",
    Drawn.WIDE: "on random data of ten times the sample's scale",
}


def _finding_at(
    rule: Rule, flow: Flow, stop: Cut | Block, message: str, severity: Severity, evidence: Evidence, advice: str
) -> Finding:
    return rule.finding(
        message,
        severity=severity,
        inputs=stop.inputs,
        variables=paths(stop.variables),
        cause=cause_of(flow, stop.position),
        evidence=evidence,
        position=stop.position,
        advice=advice,
    )


def birth_evidence(birth: Birth) -> Evidence:
    """The numbers behind the first non-finite value."""
    return {"operand_min": birth.low, "operand_max": birth.high, "count": birth.count, "source": birth.source}


def leak_finding(rule: Rule, leak: Leak, message: str, unit: str) -> Finding:
    """An output that depends on what it must not see; `unit` is what the axis counts: samples, or steps."""
    last = None if leak.last is None else f"'{leak.last.layer}'" if leak.last.layer else leak.last.type
    return rule.finding(
        message if last is None else f"{message}; others leak, too, up to {last}",
        inputs=(leak.input,),
        cause=Cause(leak.layer or None, leak.type, leak.file, leak.line),
        evidence={
            f"output_{unit}": leak.at,
            "depends_on": list(leak.others),
            "change": leak.change,
            "experiments": [f"with other {unit}s, it changes by {leak.change:.1g} of its largest element"]
            if leak.change is not None
            else [],
        },
    )


def memory_finding(
    rule: Rule,
    flow: Flow,
    memory: Memory,
    message: str,
    *,
    severity: Severity | None = None,
    evidence: Evidence | None = None,
    advice: str = "",
) -> Finding:
    """Gradients that change from step to step of a recurrence."""
    return rule.finding(
        message,
        severity=severity,
        inputs=tuple(sorted(flow.keys_behind(memory.position))),
        cause=cause_of(flow, memory.position),
        evidence={"orders_per_step": round(memory.per_step, 3), "steps": memory.steps, **(evidence or {})},
        position=memory.position,
        advice=advice,
    )


def trend_finding(rule: Rule, flow: Flow, trend: Trend, verb: str) -> Finding:
    """Gradients that change from kernel to kernel in one direction."""
    return rule.finding(
        f"gradients {verb} by {abs(trend.orders):.1f} orders of magnitude from '{trend.last.path}' to "
        f"'{trend.first.path}', {abs(trend.per_layer):.2f} per layer",
        inputs=tuple(sorted(flow.branches.get(trend.first.path, ()))),
        variables=paths(trend.variables),
        cause=Cause(trend.first.layer),
        evidence={"orders": round(trend.orders, 2), "orders_per_layer": round(trend.per_layer, 3)},
        position=trend.position,
    )
