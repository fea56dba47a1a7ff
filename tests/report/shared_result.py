"""One shared `Result` with every severity, gradient state and kind of name, for every renderer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gradlint.finding import Cause, Finding, Severity
from gradlint.result import GradientState, InputStatus, Result, SkippedRule, VariableStatus
from gradlint.rule import SECTIONS, Rule
from gradlint.severity import Consequence

HERE = Path(__file__).parent
SOURCE = str(HERE / "towers.py")
HOSTILE = "evil\x1b[2J\x1b]0;owned\x07\u202ename\n::error::fake"


def made_rule(code: str, name: str, severity: Severity, advice: str) -> Rule:
    doc = "\n\n".join(f"## {title}\n\n{title} of {name}." for title in SECTIONS)
    lost = {Severity.ERROR: Consequence.VARIABLES, Severity.WARNING: Consequence.UNHEARD}
    return Rule(code, name, lost.get(severity, Consequence.NOTHING), advice, doc, lambda facts: ())


RULES = (
    made_rule("GL101", "disconnected-input", Severity.ERROR, "Use the input in the forward pass, or remove it."),
    made_rule(
        "GL103",
        "nondifferentiable-op",
        Severity.ERROR,
        "Replace the operation by a differentiable one, or wrap it in a straight-through estimator: "
        "x + tf.stop_gradient(tf.round(x) - x).",
    ),
    made_rule("GL201", "zero-gradient", Severity.WARNING, "Look at the operation that the cause names."),
    made_rule("GL205", "partly-used-input", Severity.WARNING, "Feed the whole input to the model."),
    made_rule("GL301", "nonfinite-gradient", Severity.ERROR, "Keep the argument of log away from zero."),
)
"""Stand-ins, so that the wording of the real rules changes no snapshot."""

INPUTS = (
    InputStatus("model1", (8, 32), "float32", GradientState.FINITE, 0.0123456, 12),
    InputStatus("model2", (8, 10, 32), "float32", GradientState.ABSENT, None, 0),
    InputStatus("größe", (8, 1), "float64", GradientState.ZERO, 0.0, 2),
    InputStatus("tokens", (8, 128), "int32", GradientState.NOT_APPLICABLE, None, 2),
    InputStatus("loud", (8,), "float16", GradientState.NONFINITE, float("nan"), 1),
    InputStatus("lost", None, None, GradientState.UNKNOWN),
    InputStatus(HOSTILE, (None, 3), "float32", GradientState.FINITE, 1.5e-12, 1),
)
TOWER = tuple(f"tower_2/block_{block}/dense/{part}" for block in range(6) for part in ("kernel", "bias"))
VARIABLES = (
    VariableStatus("tower_1/dense/kernel", (32, 64), "float32", True, GradientState.FINITE, 0.25, ("model1",)),
    VariableStatus("tower_1/dense/bias", (64,), "float32", True, GradientState.ZERO, 0.0, ("model1",)),
    VariableStatus("tower_1/norm/moving_mean", (64,), "float32", False, GradientState.ABSENT, None, ("model1",)),
    VariableStatus("kopf/ß", (), "float32", True, GradientState.NONFINITE, float("inf")),
    *(VariableStatus(path, (4, 4), "float32", True, GradientState.ABSENT) for path in TOWER),
)
FINDINGS = (
    Finding(
        "GL103",
        "nondifferentiable-op",
        Severity.ERROR,
        "Round has no gradient for its input, so 1 input and 12 variables of tower_2 learn nothing from this loss.",
        inputs=("model2",),
        variables=TOWER,
        cause=Cause("tower_2/rounding", "Round", SOURCE, 5),
        evidence={
            "victims": 13,
            "share": 0.8,
            "worst": float("nan"),
            "best": float("-inf"),
            "names": ["a", "b"],
        },
        position=4,
    ),
    Finding(
        "GL201",
        "zero-gradient",
        Severity.WARNING,
        "The gradient of größe is exactly zero from Mul on.",
        inputs=("größe",),
        variables=("tower_1/dense/bias",),
        cause=Cause(None, "Mul", "/nowhere/else/model.py", 7),
        position=5,
    ),
    Finding(
        "GL205",
        "partly-used-input",
        Severity.INFO,
        "9 of 10 time steps of model2 receive no gradient.",
        inputs=("model2",),
        cause=Cause("last", None, None, None),
        position=6,
    ),
    Finding(
        "GL301",
        "nonfinite-gradient",
        Severity.ERROR,
        "NaN is born in the backward pass of Log.",
        inputs=("loud", HOSTILE),
        variables=("kopf/ß", HOSTILE + "/kernel"),
        cause=Cause(HOSTILE, "Log", SOURCE, 6),
        position=9,
    ),
    Finding(
        "GL101",
        "disconnected-input",
        Severity.ERROR,
        f"No path leads from '{HOSTILE}' to the loss.",
        inputs=(HOSTILE,),
    ),
    Finding("GL999", "not-in-catalogue", Severity.WARNING, "A finding without inputs, cause or advice."),
)
SHARED = Result(
    target="models/zwei_türme.keras",
    model="two_towers: 12 layers, 3,201 parameters",
    sample="sample.npz: 8 rows, keys model1, model2, größe, tokens, loud; labels y",
    loss="binary_crossentropy of output 'head' (compiled), labels y",
    depth="values",
    findings=FINDINGS,
    inputs=INPUTS,
    variables=VARIABLES,
    rules=("GL101", "GL103", "GL201", "GL205", "GL301"),
    skipped=(
        SkippedRule("GL202", "ValueError: no rectifier \x1b[31min this model"),
        SkippedRule("GL303", "the check ended before the backward pass"),
        SkippedRule("GL304", "the check ended before the backward pass"),
    ),
    notes=("The model was run with training=True.", "Dropout was seeded with 0."),
    catalogue=tuple(rule.info for rule in RULES),
)
HEALTHY = replace(
    SHARED,
    target="models/healthy.keras",
    findings=(),
    inputs=(replace(INPUTS[0], reached=2), replace(INPUTS[0], key="model2", reached=1), INPUTS[3]),
    variables=(VARIABLES[0], replace(VARIABLES[0], path="tower_1/dense/bias"), VARIABLES[2]),
    skipped=(),
    notes=(),
)
PREFLIGHT = Result(
    target="models/preflight.keras",
    model="one: 2 layers",
    sample="sample.npz",
    loss="",
    depth="preflight",
    findings=(),
    inputs=(InputStatus("x", (8, 3), "float32", GradientState.UNKNOWN),),
)
WIDE = replace(
    HEALTHY,
    target="models/wide.keras",
    inputs=tuple(
        InputStatus(f"feature_{n}", (8, 1), "float32", GradientState.FINITE, 0.5, 2)
        if n != 99
        else InputStatus("feature_99", (8, 1), "float32", GradientState.ABSENT, None, 0)
        for n in range(128)
    ),
)
RESULTS = {"shared": SHARED, "healthy": HEALTHY, "preflight": PREFLIGHT, "wide": WIDE}
