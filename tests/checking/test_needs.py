"""What no selected rule needs is not computed, and a rule that breaks off is owned up to."""

from __future__ import annotations

from collections import Counter

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint
from gradlint.checking import road
from gradlint.experiments.laboratory import Laboratory
from gradlint.record.runner import Runner
from gradlint.rule import Need
from gradlint.rules import ALL_RULES, rules_matching

COUNTED = (
    (Runner, "record"),
    (Runner, "traced_reads"),
    (Laboratory, "contradicted"),
    (Laboratory, "matters"),
    (Laboratory, "leak_between_samples"),
    (Laboratory, "leak_from_later_steps"),
)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the runner and the laboratory were asked for each kind of run."""
    seen: Counter[str] = Counter()

    def counted(owner: type, name: str):
        own = getattr(owner, name)

        def ask(self, *arguments, **options):
            seen[name] += 1
            return own(self, *arguments, **options)

        return ask

    for owner, name in COUNTED:
        monkeypatch.setattr(owner, name, counted(owner, name))
    return seen


def suspicious() -> tuple[keras.Model, dict[str, np.ndarray]]:
    """Dead units, a layer that drops a value, and statistics over the batch."""
    keras.utils.set_random_seed(0)
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    dead = keras.layers.Dense(3, activation="relu", bias_initializer=keras.initializers.Constant(-99.0))(left)
    mixed = keras.layers.BatchNormalization()(keras.layers.Dense(3)(right))
    model = keras.Model([left, right], keras.layers.Dense(1)(keras.layers.Concatenate()([dead, mixed])))
    model.compile(loss="mse")
    sample = np.random.default_rng(0)
    return model, {
        "left": sample.normal(size=(6, 4)).astype("float32"),
        "right": sample.normal(size=(6, 4)).astype("float32"),
        "y": sample.normal(size=(6, 1)).astype("float32"),
    }


def test_all_rules_probe_a_suspicious_model(runs: Counter[str]) -> None:
    result = gradlint.check(*suspicious())
    assert "GL202" in {finding.code for finding in result.findings}
    assert runs["record"] == 1 + 3


@pytest.mark.parametrize("code", ["GL405", "GL101", "GL301", "GL502"])
def test_a_rule_that_needs_no_probes_costs_one_run(runs: Counter[str], code: str) -> None:
    gradlint.check(*suspicious(), select=[code])
    assert runs == {"record": 1}


def test_probes_are_run_for_a_rule_that_needs_them(runs: Counter[str]) -> None:
    result = gradlint.check(*suspicious(), select=["GL202"])
    assert [finding.code for finding in result.findings] == ["GL202"]
    assert runs["record"] == 1 + 3
    assert runs["leak_between_samples"] == 0


def test_what_is_ignored_is_not_computed_either(runs: Counter[str]) -> None:
    probing = [rule.code for rule in ALL_RULES if Need.PROBES in rule.needs]
    gradlint.check(*suspicious(), ignore=probing)
    assert runs["record"] == 1


def test_a_rule_finds_alone_what_it_finds_among_all() -> None:
    model, sample = suspicious()
    for finding in (together := gradlint.check(model, sample)).findings:
        alone = gradlint.check(model, sample, select=[finding.code]).findings
        assert alone == tuple(other for other in together.findings if other.code == finding.code)


def test_a_rule_that_crashes_is_owned_up_to(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(facts):
        raise KeyError("x")

    rules = road.chosen(())
    (rule,) = rules_matching("GL405")
    from dataclasses import replace

    monkeypatch.setattr(road, "chosen", lambda *_: tuple(replace(r, check=broken) if r == rule else r for r in rules))
    model, sample = suspicious()
    result = gradlint.check(model, sample, fail_on="never")
    assert not result.ok
    assert [(crashed.code, crashed.reason) for crashed in result.crashed] == [("GL405", "KeyError: 'x'")]
    assert result.skipped == ()
    assert "GL202" in {finding.code for finding in result.findings}


STEP_RULES = {rule.code for rule in ALL_RULES if Need.STEP in rule.needs}


@pytest.mark.parametrize("depth", ["preflight", "values"])
def test_rules_about_steps_do_not_count_as_run_where_none_was_observed(depth: str) -> None:
    result = gradlint.check(*suspicious(), depth=depth)
    assert result.rules
    assert STEP_RULES.isdisjoint(result.rules)
    assert STEP_RULES.isdisjoint(rule.code for rule in result.skipped)


def test_a_rule_about_steps_that_is_asked_for_says_what_it_lacks() -> None:
    result = gradlint.check(*suspicious(), select=["GL601", "GL101"])
    assert result.rules == ("GL101",)
    assert [(rule.code, "check_step" in rule.reason) for rule in result.skipped] == [("GL601", True)]


def test_rules_about_steps_run_on_a_step() -> None:
    model, sample = suspicious()

    def step(left, right):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model([left, right]))
        tape.gradient(loss, model.trainable_variables)

    assert set(gradlint.check_step(step, sample["left"], sample["right"]).rules) >= STEP_RULES
