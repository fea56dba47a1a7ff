"""The catalogue: every rule, and how a code, a prefix or a name finds its rules."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from gradlint.errors import UsageError
from gradlint.rules import (
    gl101_disconnected_input,
    gl102_disconnected_variable,
    gl103_nondifferentiable_op,
    gl104_stop_gradient,
    gl105_python_detour,
    gl106_output_without_loss,
    gl107_variable_detour,
    gl108_nothing_trainable,
    gl109_untracked_variable,
    gl201_zero_gradient,
    gl202_dead_relu,
    gl203_saturated_activation,
    gl204_constant_normalization,
    gl205_partly_used_input,
    gl206_symmetric_weights,
    gl207_zero_weights,
    gl208_linear_stack,
    gl301_nonfinite_gradient,
    gl302_nonfinite_activation,
    gl303_vanishing_gradient,
    gl304_exploding_gradient,
    gl305_half_precision_underflow,
    gl306_bad_learning_rate,
    gl307_oversized_update,
    gl401_missing_input,
    gl402_unexpected_input,
    gl403_input_shape,
    gl404_input_dtype,
    gl405_label_broadcast,
    gl406_batch_size_mismatch,
    gl407_layer_shape,
    gl408_swapped_inputs,
    gl409_loss_activation_mismatch,
    gl410_impossible_labels,
    gl411_target_range,
    gl412_high_initial_loss,
    gl413_blind_metric,
    gl414_degenerate_data,
    gl501_batch_leak,
    gl502_future_leak,
    gl601_call_before_tape,
    gl602_loss_outside_tape,
    gl603_predict_in_tape,
    gl604_python_in_tape,
    gl605_mismatched_pairs,
    gl606_rebound_variable,
    gl607_unwatched_source,
    gl608_integer_watched,
    gl609_assign_in_tape,
    gl610_discrete_loss,
    gl611_tape_asked_twice,
    gl612_gradient_inside_tape,
    gl613_unrecorded_derivative,
    gl614_unpaired_gradients,
    gl615_minimize_without_tape,
    gl616_hidden_none,
    gl617_variable_in_call,
    gl618_forgotten_layer_losses,
    gl619_unused_gradients,
    gl620_unscaled_loss,
    gl621_untracked_sublayer,
    gl622_unmoved_variable,
    gl623_frozen_number,
    gl624_repeated_update,
    gl625_uphill_update,
    gl626_trained_follower,
    gl627_left_out_term,
    gl628_dropped_write,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gradlint.result import RuleInfo
    from gradlint.rule import Need, Rule

ALL_RULES: tuple[Rule, ...] = (
    gl101_disconnected_input.RULE,
    gl102_disconnected_variable.RULE,
    gl103_nondifferentiable_op.RULE,
    gl104_stop_gradient.RULE,
    gl105_python_detour.RULE,
    gl106_output_without_loss.RULE,
    gl107_variable_detour.RULE,
    gl108_nothing_trainable.RULE,
    gl109_untracked_variable.RULE,
    gl201_zero_gradient.RULE,
    gl202_dead_relu.RULE,
    gl203_saturated_activation.RULE,
    gl204_constant_normalization.RULE,
    gl205_partly_used_input.RULE,
    gl206_symmetric_weights.RULE,
    gl207_zero_weights.RULE,
    gl208_linear_stack.RULE,
    gl301_nonfinite_gradient.RULE,
    gl302_nonfinite_activation.RULE,
    gl303_vanishing_gradient.RULE,
    gl304_exploding_gradient.RULE,
    gl305_half_precision_underflow.RULE,
    gl306_bad_learning_rate.RULE,
    gl307_oversized_update.RULE,
    gl401_missing_input.RULE,
    gl402_unexpected_input.RULE,
    gl403_input_shape.RULE,
    gl404_input_dtype.RULE,
    gl405_label_broadcast.RULE,
    gl406_batch_size_mismatch.RULE,
    gl407_layer_shape.RULE,
    gl408_swapped_inputs.RULE,
    gl409_loss_activation_mismatch.RULE,
    gl410_impossible_labels.RULE,
    gl411_target_range.RULE,
    gl412_high_initial_loss.RULE,
    gl413_blind_metric.RULE,
    gl414_degenerate_data.RULE,
    gl501_batch_leak.RULE,
    gl502_future_leak.RULE,
    gl601_call_before_tape.RULE,
    gl602_loss_outside_tape.RULE,
    gl603_predict_in_tape.RULE,
    gl604_python_in_tape.RULE,
    gl605_mismatched_pairs.RULE,
    gl606_rebound_variable.RULE,
    gl607_unwatched_source.RULE,
    gl608_integer_watched.RULE,
    gl609_assign_in_tape.RULE,
    gl610_discrete_loss.RULE,
    gl611_tape_asked_twice.RULE,
    gl612_gradient_inside_tape.RULE,
    gl613_unrecorded_derivative.RULE,
    gl614_unpaired_gradients.RULE,
    gl615_minimize_without_tape.RULE,
    gl616_hidden_none.RULE,
    gl617_variable_in_call.RULE,
    gl618_forgotten_layer_losses.RULE,
    gl619_unused_gradients.RULE,
    gl620_unscaled_loss.RULE,
    gl621_untracked_sublayer.RULE,
    gl622_unmoved_variable.RULE,
    gl623_frozen_number.RULE,
    gl624_repeated_update.RULE,
    gl625_uphill_update.RULE,
    gl626_trained_follower.RULE,
    gl627_left_out_term.RULE,
    gl628_dropped_write.RULE,
)
"""Sorted by code. A new rule is a new file and one line here."""


def needs_of(rules: Iterable[Rule]) -> frozenset[Need]:
    """What some rules need together."""
    return frozenset(need for rule in rules for need in rule.needs)


def described(codes: Iterable[str]) -> tuple[RuleInfo, ...]:
    """What reports say of the rules with these codes, in the order of the catalogue."""
    wanted = frozenset(codes)
    return tuple(rule.info for rule in ALL_RULES if rule.code in wanted)


def rules_matching(pattern: str) -> tuple[Rule, ...]:
    """The rules that a code (`GL103`), a prefix (`GL1`) or a name (`dead-relu`) stands for.

    Raises:
        UsageError: no rule fits; the message names the closest code or name.
    """
    wanted = pattern.strip()
    is_code = wanted[:2].upper() == "GL"
    found = tuple(
        rule for rule in ALL_RULES if rule.name == wanted.lower() or (is_code and rule.code.startswith(wanted.upper()))
    )
    if found:
        return found
    known = [rule.code for rule in ALL_RULES] + [rule.name for rule in ALL_RULES]
    # Codes are alike anyway: only one that differs in a single character was meant.
    typed = wanted.upper().replace("O", "0") if is_code else wanted.lower()
    close = get_close_matches(typed, known, n=5, cutoff=0.8 if is_code else 0.6)
    close.sort(key=lambda name: name[:3] != typed[:3])  # of one family first
    hint = f"did you mean {close[0]}? " if close else ""
    raise UsageError(f"no rule is called {pattern!r}; {hint}gradlint --list-rules shows all of them.")


def codes_matching(patterns: Iterable[str]) -> tuple[str, ...]:
    """The codes that several patterns stand for, sorted, each once.

    Raises:
        UsageError: a pattern fits no rule.
    """
    return tuple(sorted({rule.code for pattern in patterns for rule in rules_matching(pattern)}))


def chosen(select: Iterable[str], ignore: Iterable[str] = ()) -> tuple[Rule, ...]:
    """The rules that are selected (all when none is) and not ignored, in the order of the catalogue.

    Raises:
        UsageError: a pattern fits no rule.
    """
    wanted, unwanted = codes_matching(select), codes_matching(ignore)
    return tuple(rule for rule in ALL_RULES if (not wanted or rule.code in wanted) and rule.code not in unwanted)
