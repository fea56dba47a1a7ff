"""Laws that hold for every model: names, orders and scales decide nothing."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from flows import facts, flow, op, variable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gradlint.finding import Severity
from gradlint.flow import Flow
from gradlint.rules import ALL_RULES

LAW = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

UNARY = [
    "Tanh",
    "Relu",
    "Relu !zero",
    "Sigmoid",
    "Sigmoid !zero",
    "Sign !zero",
    "Round",
    "StopGradient",
    "PyFunc",
    "Identity",
    "Sqrt !non-finite",
    "Softmax",
    "Shape",
    "Bessel !unregistered",
]
BINARY = ["AddV2", "Mul", "Mul !passes,zero", "MatMul", "GatherV2 !passes,none", "SelectV2 !zero,passes"]


@st.composite
def models(draw):
    """Lines of a small random model, with its inputs, variables and outputs."""
    inputs = [f"in{n}{draw(st.sampled_from(['', ':int32']))}" for n in range(draw(st.integers(1, 3)))]
    paths = [f"layer{n}/kernel(4,4)" for n in range(draw(st.integers(0, 4)))]
    variables = [
        variable(path, trainable=draw(st.booleans()) or n == 0, units_equal=draw(st.booleans()), values=draw(KNOWN))
        for n, path in enumerate(paths)
    ]
    names = [entry.partition(":")[0] for entry in inputs] + [path.partition("(")[0] for path in paths]
    lines = []
    for number in range(draw(st.integers(1, 8))):
        kind = draw(st.sampled_from(UNARY + BINARY))
        op_type, _, local = kind.partition(" ")
        # Mostly the latest tensor, so that long ways to the loss come up.
        operands = [draw(st.sampled_from([*names, *[names[-1]] * 6]))]
        if kind in BINARY:
            operands.append(draw(st.sampled_from(names)))
        place = f"@layer{draw(st.integers(0, 4))} " + draw(st.sampled_from(["", ":1", ":2"]))
        dtype = draw(st.sampled_from(["", "", "", ":int32", ":float16"]))
        line = f"t{number}{dtype} = {op_type} {' '.join(operands)} {place} {local}"
        lines.append(op(line, saturated=draw(st.sampled_from([None, None, 0.2, 1.0])), mismatch=draw(MISMATCH)))
        names.append(f"t{number}")
    made = [f"t{number}" for number in range(len(lines))]
    lines += ["-- loss", f"loss() = AddN {' '.join([made[-1], *draw(st.lists(st.sampled_from(made), max_size=2))])}"]
    return {
        "lines": lines,
        "inputs": inputs,
        "variables": variables,
        "outputs": draw(st.lists(st.sampled_from(made), max_size=2, unique=True)),
        "values": {name: draw(KNOWN) for name in made},
        "loss_value": draw(st.sampled_from([0.0, 1.0, 1.0])),
    }


KNOWN = st.sampled_from([None, None, "zeros", (-1.0, 1.0), (0.0, 2.0)])
MISMATCH = st.sampled_from([None, None, 0.5])


def built(model):
    return flow(*model["lines"], **{key: value for key, value in model.items() if key != "lines"})


def findings(subject, *probes):
    checked = facts(subject, probes=probes)
    return sorted(
        (f for rule in ALL_RULES for f in rule.check(checked)),
        key=lambda f: (f.position, f.code, f.inputs, f.variables),
    )


def verdicts(found):
    return [(f.code, f.severity, frozenset(f.inputs), frozenset(f.variables), f.cause, f.position) for f in found]


def scaled(subject, factor):
    """The same run with a loss that is `factor` times as large."""

    def grown(gradient):
        return replace(
            gradient,
            norm=None if gradient.norm is None else gradient.norm * factor,
            largest=None if gradient.largest is None else gradient.largest * factor,
        )

    recording = subject.recording
    return Flow(
        replace(
            recording,
            tensors=tuple(replace(t, gradient=grown(t.gradient)) for t in recording.tensors),
            inputs=tuple(replace(i, gradient=grown(i.gradient)) for i in recording.inputs),
            variables=tuple(replace(v, gradient=grown(v.gradient)) for v in recording.variables),
            loss=replace(recording.loss, value=recording.loss.value * factor),
        )
    )


def renamed(recording, name):
    """The same run with other names of layers."""
    return replace(
        recording,
        ops=tuple(replace(entry, layer=name(entry.layer)) for entry in recording.ops),
        variables=tuple(replace(v, path=name(v.path), layer=name(v.layer)) for v in recording.variables),
        outputs=tuple(replace(o, layer=name(o.layer)) for o in recording.outputs),
        calls=tuple(replace(c, layer=name(c.layer)) for c in recording.calls),
    )


def name(text):
    return re.sub(r"layer(\d)", lambda match: f"Schicht-{'zyxwv'[int(match[1])]}", text)


@given(models())
@LAW
def test_renaming_layers_changes_only_names(model):
    subject = built(model)
    other = Flow(renamed(subject.recording, name))
    expected = [
        replace(
            f,
            message=name(f.message),
            variables=tuple(map(name, f.variables)),
            cause=replace(f.cause, layer=name(f.cause.layer) if f.cause.layer else f.cause.layer),
            evidence={},
        )
        for f in findings(subject)
    ]
    found = [replace(f, evidence={}) for f in findings(other)]

    def order(f):
        return f.position, f.code, f.inputs, sorted(f.variables), f.message

    assert sorted(found, key=order) == sorted(expected, key=order)


@given(models(), st.randoms(use_true_random=False))
@LAW
def test_the_order_of_keys_and_variables_changes_only_order(model, random):
    subject = built(model)
    inputs, variables = list(subject.recording.inputs), list(subject.recording.variables)
    random.shuffle(inputs)
    random.shuffle(variables)
    other = Flow(replace(subject.recording, inputs=tuple(inputs), variables=tuple(variables)))

    def loose(found):
        """Where a finding has several causes of equal rank, the first in order may be named."""
        return sorted((f.code, f.severity.value, sorted(f.inputs), sorted(f.variables), f.position) for f in found)

    assert loose(findings(other)) == loose(findings(subject))


@given(models(), st.sampled_from([1e-6, 1e-3, 0.5, 2.0, 1e3, 1e6]))
@LAW
def test_scaling_the_loss_changes_no_verdict(model, factor):
    subject = built(model)
    assert verdicts(findings(scaled(subject, factor))) == verdicts(findings(subject))


@given(models())
@LAW
def test_a_victim_is_something_that_should_learn(model):
    subject = built(model)
    keys = {record.key for record in subject.recording.inputs}
    learners = {record.path for record in subject.learners}
    for finding in findings(subject):
        assert set(finding.inputs) <= keys
        assert set(finding.variables) <= learners | (
            {v.path for v in subject.recording.variables} if finding.code == "GL108" else set()
        )


@given(models())
@LAW
def test_every_absent_gradient_of_a_learner_is_explained_once(model):
    subject = built(model)
    explained = [
        path
        for finding in findings(subject)
        if finding.code in ("GL101", "GL102", "GL106")
        for path in finding.variables
    ]
    lost = [v.path for v in subject.learners if v.gradient.state.value == "absent"]
    beside = [
        path for path in lost if next(v.tensor for v in subject.learners if v.path == path) not in subject.behind_loss
    ]
    assert sorted(explained) == sorted(beside)


@given(models())
@LAW
def test_a_second_run_of_the_same_model_agrees(model):
    """Nothing changes but how certain it is that a zero stays one, and what is said to have been tried."""

    def what(finding):
        told = {name: value for name, value in finding.evidence.items() if name != "experiments"}
        return replace(finding, severity=Severity.INFO, evidence=told)

    subject = built(model)
    once, twice = findings(subject), findings(subject, built(model))
    assert list(map(what, twice)) == list(map(what, once))
    assert all(second.severity.order >= first.severity.order for first, second in zip(once, twice, strict=True))


@pytest.mark.parametrize("orders", [[-1.0 * n for n in range(9, -1, -1)], [1.0 * n for n in range(9, -1, -1)]])
@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
def test_scaling_keeps_a_trend(orders, factor):
    lines = [f"h{n} = MatMul {'x' if n == 0 else f'h{n - 1}'} d{n}/kernel @d{n}" for n in range(10)]
    subject = flow(
        *lines,
        "loss() = Mean h9",
        inputs=["x"],
        variables=[f"d{n}/kernel(4,4)" for n in range(10)],
        gradients={f"h{n}": 10.0**order for n, order in enumerate(orders)},
    )
    (finding,) = (found for found in findings(scaled(subject, factor)) if found.code != "GL208")
    (original,) = (found for found in findings(subject) if found.code != "GL208")
    assert finding == original
