"""The verdict: the chosen rules on what is known of a case, and the result of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gradlint.checking import summary
from gradlint.checking.nearby import files_at_hand
from gradlint.checking.origins import Origins
from gradlint.checking.suppression import left_out
from gradlint.finding import Finding, Severity
from gradlint.passes.layers import streamed
from gradlint.passes.steps import forward_graph
from gradlint.result import LateGraph, Result, SkippedRule
from gradlint.rule import Need
from gradlint.upstream.names import unavailable

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from gradlint.checking.ways import Case
    from gradlint.flow import Flow
    from gradlint.options import Options
    from gradlint.passes.facts import Facts
    from gradlint.passes.steps import StepFacts
    from gradlint.rule import Rule


def decided(case: Case, rules: Sequence[Rule], options: Options) -> Result | None:
    """The result when the paper alone decides, or when no more was asked for; None when the case must be run."""
    able = [rule for rule in rules if not _is_about_a_step_unseen(rule, case.paper)]
    spoken = _spoken(case, case.paper, able)
    is_fatal = any(finding.severity is Severity.ERROR for finding in spoken.findings)
    if not is_fatal and options.depth != "preflight":
        return None
    waits = is_fatal and options.depth != "preflight"
    notes = ("the model was not run: the deeper checks wait until this is put right",) if waits else ()
    result = _result(case, case.paper, able, spoken, options)
    return replace(result, depth="preflight", notes=(*result.notes, *notes))


def judged(case: Case, facts: Facts, rules: Sequence[Rule], options: Options) -> Result:
    """The result of a case that was run."""
    able = [rule for rule in rules if not _is_about_a_step_unseen(rule, facts)]
    waiting = {rule.code: why for rule in able if (why := _obstacle(rule, options))}
    if options.select:  # Asked for by name, they owe an answer; otherwise they are no part of this check.
        why = _NO_VALUES if summary.unseen_step(facts) else _NO_STEP
        waiting |= {rule.code: why for rule in rules if _is_about_a_step_unseen(rule, facts)}
    able = [rule for rule in able if rule.code not in waiting]
    result = _result(case, facts, able, _spoken(case, facts, able), options)
    return replace(result, skipped=tuple(SkippedRule(code, why) for code, why in waiting.items()))


_NO_VALUES = "for want of values: --depth values"
_NO_STEP = "for want of a training step of your own: gradlint.check_step"


def _is_about_a_step_unseen(rule: Rule, facts: Facts) -> bool:
    return Need.STEP in rule.needs and facts.step is None


def _obstacle(rule: Rule, options: Options) -> str:
    """Why a rule cannot speak of a run of this kind; nothing when it can."""
    if options.is_symbolic and Need.VALUES in rule.needs:
        return _NO_VALUES
    return unavailable(rule.rents)


@dataclass(frozen=True, slots=True)
class Spoken:
    """What the rules said: findings in their order, and the rules that broke off."""

    findings: tuple[Finding, ...]
    crashed: tuple[SkippedRule, ...]


def _spoken(case: Case, facts: Facts, rules: Sequence[Rule]) -> Spoken:
    found: list[tuple[Finding, str]] = []
    crashed: list[SkippedRule] = []
    for rule in rules:
        try:
            found += [(finding, rule.blames) for finding in rule.check(facts)]
        except Exception as error:  # One rule's mistake must not cost the others' findings.
            crashed.append(SkippedRule(rule.code, f"{type(error).__name__}: {error}"))
    origins = Origins(facts, files_at_hand, has_keys=case.has_keys)
    told = {f.evidence.get("source") for f, _ in found if f.severity is Severity.ERROR}
    placed = [origins.place(finding, blamed) for finding, blamed in found if not _is_told(finding, told)]
    # Positions in a step are those of its parts, which are independent of one another.
    in_order = sorted(
        placed, key=lambda f: (-f.severity.order if facts.step else 0, f.position, f.code, f.inputs, f.variables)
    )
    return Spoken(tuple(in_order), tuple(crashed))


def _is_told(finding: Finding, sources: Container[object]) -> bool:
    """Whether a remark on the numbers that a source brings along is beside an error that says what comes of them."""
    source = finding.evidence.get("source")
    return finding.severity is Severity.INFO and source is not None and source in sources


def _drawn(flow: Flow, step: StepFacts | None) -> LateGraph:
    if step is not None:
        return LateGraph(lambda: streamed(forward_graph(flow, step.record)))
    layers = dict.fromkeys(op.layer for op in flow.recording.ops if op.layer)
    return LateGraph(lambda: streamed(flow.graph), tuple(layers))


def _result(case: Case, facts: Facts, rules: Sequence[Rule], spoken: Spoken, options: Options) -> Result:
    flow, recording = facts.flow, facts.recording
    sample = summary.sample_line(facts.arrays, facts.binding)
    if case.is_made_up:
        sample += f"; made up from the input specification (seed {options.seed})"
    return Result(
        target=case.target,
        model=summary.model_line(facts.spec, recording),
        sample=sample,
        loss=recording.loss.description if recording is not None else "not computed",
        depth=options.depth,
        findings=spoken.findings,
        inputs=summary.input_statuses(facts),
        variables=summary.variable_statuses(flow),
        rules=tuple(rule.code for rule in rules),
        notes=(
            *summary.unseen_step(facts),
            *summary.unread_labels(facts),
            *summary.zero_here(facts),
            *summary.refused_names(facts),
            *left_out(options.ignore),
        ),
        fail_on=options.fail_on,
        drawn=_drawn(flow, facts.step) if flow is not None else None,
        crashed=spoken.crashed,
        catalogue=tuple(rule.info for rule in rules),
    )
