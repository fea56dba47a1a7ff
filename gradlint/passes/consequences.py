"""Consequences: what is lost with the victims of one cause, and how certain that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.operations import Trait, has
from gradlint.passes.drops import DropKind
from gradlint.passes.otherdata import DEPENDS_ON_DATA
from gradlint.passes.reasons import Why
from gradlint.passes.twins import are_copies
from gradlint.result import GradientState
from gradlint.severity import Certainty, Consequence, severity_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlint.finding import Severity
    from gradlint.flow import Flow
    from gradlint.passes.blocks import Block
    from gradlint.passes.cuts import Cut
    from gradlint.passes.drops import Drop
    from gradlint.passes.facts import Facts
    from gradlint.record.recording import VariableRecord

_BY_FORM = (Why.STEP, Why.SINGLE_ELEMENT_UNITS, Why.SINGLE_ELEMENT_POOLED, Why.LEFT_OUT, Why.ZEROED)
"""Reasons that hold for every sample and all weights."""

_OF_THE_SAMPLE = (Why.SINGLE_ELEMENT_DATA, Why.ZERO_ACTIVATION, Why.BOUNDS, Why.NO_WEIGHT)
"""Reasons that other data mostly refute, however they look to perturbed probes."""


def of_variables(facts: Facts, variables: Sequence[VariableRecord], otherwise: Consequence) -> Consequence:
    """What is lost with some variables: everything, if nothing else learns."""
    return Consequence.NOTHING_LEARNS if variables and _nothing_learns(facts) else otherwise


def severity_of_drop(facts: Facts, drop: Drop) -> Severity:
    """How much it matters that values reach no loss."""
    if drop.is_by_design or (drop.outputs and all(output.is_declined for output in drop.outputs)):
        return severity_of(Consequence.INTENDED)
    if drop.kind is DropKind.DECISION:
        lost = Consequence.VARIABLES if drop.variables else Consequence.HANDED_OVER
    elif is_left_by_step(facts, drop):
        lost = Consequence.HANDED_OVER
    elif drop.kind is DropKind.SUBMODEL_OUTPUT:
        lost = Consequence.UNHEARD
    elif drop.inputs:  # Nothing of its values arrives: what they feed is lost, trainable or not.
        lost = Consequence.BRANCH
    elif drop.kind in (DropKind.UNREAD, DropKind.UNREAD_LAYER):
        lost = Consequence.VARIABLES
    else:
        lost = Consequence.UNHEARD
    return severity_of(of_variables(facts, drop.variables, lost))


def is_left_by_step(facts: Facts, drop: Drop) -> bool:
    """Whether inputs alone go unread by a step of the user's own, which may draw times and noise for them itself."""
    is_unread = bool(drop.inputs) and drop.op is None and not drop.variables and not drop.is_by_design
    return is_unread and facts.recording is not None and facts.recording.loss.kind in ("train_step", "step")


def severity_of_cut(facts: Facts, cut: Cut) -> Severity:
    """How much it matters that an operation hands on no gradient."""
    if has(cut.op.type, Trait.STOPS) and facts.flow is not None and are_copies(facts.flow, cut.variables):
        return severity_of(Consequence.INTENDED)
    if cut.variables:
        # That values come back from a detour is a guess, which the experiment has to confirm; other cuts are seen.
        is_guess = cut.is_doubtful and has(cut.op.type, Trait.LEAVES)
        certainty = Certainty.IN_SAMPLE if is_guess or cut.elements is not None else Certainty.CERTAIN
        return severity_of(of_variables(facts, cut.variables, Consequence.VARIABLES), certainty)
    if is_lost_as_ids(facts, cut):
        return severity_of(Consequence.BRANCH, Certainty.IN_SAMPLE)
    is_meant = cut.makes_discrete or has(cut.op.type, Trait.STOPS) or _is_of_library(facts, cut.position)
    return severity_of(Consequence.HANDED_OVER if is_meant else Consequence.INPUT)


def is_lost_as_ids(facts: Facts, cut: Cut) -> bool:
    """Whether inputs that become whole numbers tell nothing any more: the loss is the same whatever row has which."""
    return cut.makes_ids and facts.blind >= set(cut.inputs)


def severity_of_block(facts: Facts, block: Block, *, is_meant: bool = False) -> Severity:
    """How much it matters that an operation hands on zeros.

    Args:
        facts: what the runs have shown.
        block: the operation and what is behind it.
        is_meant: a library's layer is known to start like this.
    """
    if is_meant:
        return severity_of(Consequence.INTENDED)
    if _is_satisfied(facts, block):
        # What is satisfied is zero; a loss that stays where it is and moves nothing has something to complain of.
        is_stuck = block.revived_by is None and bool(facts.probes) and _is_above_zero(facts) and _nothing_learns(facts)
        return severity_of(Consequence.NOTHING_LEARNS if is_stuck else Consequence.HEALS, Certainty.IN_SAMPLE)
    lost = Consequence.UNHEARD
    of_shapes = block.why is Why.ZERO_CONSTANT and not _has_fixed_shapes(facts)
    if block.variables and (block.why in _BY_FORM or block.partners):
        lost = Consequence.VARIABLES
    elif block.keys:
        lost = Consequence.BRANCH if block.variables else Consequence.INPUT
    if lost is Consequence.UNHEARD and _is_shut(block):
        return severity_of(of_variables(facts, block.variables, Consequence.VARIABLES), Certainty.IN_SAMPLE)
    lost = of_variables(facts, block.variables, lost)
    of_sample = of_shapes or (block.why in _OF_THE_SAMPLE and not _is_cut_out(facts, block))
    if of_sample and lost is not Consequence.NOTHING_LEARNS:
        return severity_of(Consequence.HEALS)
    if lost is not Consequence.NOTHING_LEARNS and _may_be_meant(facts, block, lost):
        return severity_of(Consequence.INTENDED)
    return severity_of(lost, _certainty(facts, block, lost))


def _is_cut_out(facts: Facts, block: Block) -> bool:
    """Whether a step takes single rows out of arrays of several: however many there are, a model sees one at a time."""
    if facts.step is None or block.why not in (Why.SINGLE_ELEMENT_DATA, Why.SINGLE_ROW):
        return False
    return min(facts.step.record.rows, default=1) > 1


def _has_fixed_shapes(facts: Facts) -> bool:
    """Whether the model says how long its inputs are: a sequence of one step is one step in every sample then."""
    inputs = facts.spec.inputs or () if facts.spec is not None else ()
    return bool(inputs) and all(
        entry.declared and entry.shape is not None and None not in entry.shape[1:] for entry in inputs
    )


def _is_shut(block: Block) -> bool:
    """Whether a kernel gets exact zeros because nothing that goes into its activation is anywhere near its slope."""
    kernels = [variable for variable in block.variables if len(variable.shape) > 1]
    is_zero = all(variable.gradient.state is GradientState.ZERO for variable in block.variables)
    return block.why is Why.SATURATION and bool(kernels) and is_zero


def severity_of_filled(facts: Facts) -> Severity:
    """How much it matters that inputs hold but one value, and that a gradient passes once they are filled.

    One among others may be empty on purpose: a state, a mask, a feature that these rows do not have.
    """
    keys = {record.key for record in facts.recording.inputs} if facts.recording is not None else set()
    is_all = facts.filled is not None and keys == set(facts.filled.keys)
    lost = Consequence.BRANCH if is_all else Consequence.HEALS
    return severity_of(lost, Certainty.IN_SAMPLE)


def _may_be_meant(facts: Facts, block: Block, lost: Consequence) -> bool:
    """Whether the user may have written down the zero: a weight, a schedule, a gradient of one's own."""
    match block.why:
        case Why.ZERO_FACTOR:  # Zeros that are computed from whatever data come in were not written down.
            return lost is Consequence.UNHEARD and not (block.is_tested and _comes_of_data(facts, block))
        case Why.CUSTOM:
            return block.is_wrong(facts.lying)
        case _:
            return block.why is Why.ZERO_SCHEDULE


def _certainty(facts: Facts, block: Block, lost: Consequence) -> Certainty:
    if _is_cut_out(facts, block):
        return Certainty.CERTAIN
    if block.why in (*_OF_THE_SAMPLE, Why.SINGLE_ROW):
        return Certainty.IN_SAMPLE
    if block.why in (*_BY_FORM, Why.ROUNDING, Why.ZERO_CONSTANT) or (block.why is Why.CUSTOM) is not block.is_wrong(
        facts.lying
    ):
        return Certainty.CERTAIN
    if any(variable.gradient.state is GradientState.FINITE for variable in block.variables):
        return Certainty.IN_SAMPLE  # Tiny is not zero: it may still get away.
    # Beside an open path a few zeros are mathematics, as of a bias in a difference, or luck, which other data refute.
    # A kernel whose bias learns gets zeros alone to multiply, as of padding: that is neither, nor is a kernel whose
    # gradients cancel out on perturbed data as well.
    cancels = block.why is Why.CANCELLATION and any(len(variable.shape) > 1 for variable in block.variables)
    is_math = not (block.is_tested and _is_beside_living(facts, block)) and not (cancels and facts.probes)
    if lost is Consequence.UNHEARD and block.why in (Why.OTHER, Why.CANCELLATION) and is_math:
        return Certainty.IN_SAMPLE
    stays = lost is not Consequence.UNHEARD or cancels or block.why in (Why.UNDERFLOW, Why.ZERO_WEIGHT)
    return Certainty.CERTAIN if block.is_tested or (facts.probes and stays) else Certainty.IN_SAMPLE


def _is_beside_living(facts: Facts, block: Block) -> bool:
    """Whether a victim is the kernel of a layer another variable of which has a gradient."""
    kernels = {variable.layer for variable in block.variables if len(variable.shape) > 1 and variable.layer}
    learners = facts.flow.learners if facts.flow is not None else ()
    return any(v.layer in kernels and v.gradient.state is GradientState.FINITE for v in learners)


def _is_satisfied(facts: Facts, block: Block) -> bool:
    """Whether the loss is flat because this sample gives it nothing to complain of, and complains of other data."""
    may_complain = block.why in DEPENDS_ON_DATA and not block.is_tested
    if block.why is Why.CANCELLATION and facts.probes:
        return False  # Two ways that cancel out on whatever data compare something with itself.
    if block.why is Why.ZERO_FACTOR and _is_predicted(facts, block):
        return False  # Boxes that do not overlap: the prediction leaves everything to complain of.
    return block.is_flat_loss and may_complain and not block.is_wrong(facts.lying)


def _is_above_zero(facts: Facts) -> bool:
    return facts.flow is not None and (facts.flow.recording.loss.value or 0.0) > 0.0


def _comes_of_data(facts: Facts, block: Block) -> bool:
    """Whether the zeros by which an operation multiplies are computed from inputs."""
    return facts.flow is not None and bool(
        _behind_zeros(facts.flow, block) & {record.tensor for record in facts.flow.recording.inputs}
    )


def _is_predicted(facts: Facts, block: Block) -> bool:
    """Whether the zeros by which an operation multiplies are computed from what learns."""
    return facts.flow is not None and bool(
        _behind_zeros(facts.flow, block) & {variable.tensor for variable in facts.flow.learners}
    )


def _behind_zeros(flow: Flow, block: Block) -> frozenset[int]:
    return flow.ancestors([index for index in block.op.inputs if flow.is_all_zero(index)])


def _nothing_learns(facts: Facts) -> bool:
    """Whether none of the variables that should learn gets a gradient that moves it, in any run."""
    if facts.flow is None:
        return False
    stopped = {variable.path for block in facts.blocks for variable in block.variables}
    dead = (GradientState.ABSENT, GradientState.NONFINITE)
    learners = facts.flow.learners
    return bool(learners) and all(v.path in stopped or v.gradient.state in dead for v in learners)


def _is_of_library(facts: Facts, position: int) -> bool:
    """Whether an operation runs in a layer of a library, and not in a function that was given to one."""
    around = facts.flow.calls_around(position) if facts.flow is not None else []
    return any(inner.is_of_library and not inner.is_operation for _, inner in around[:1])
