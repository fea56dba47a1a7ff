"""Flows built by hand, without TensorFlow.

A flow is written down as lines of operations in the order of the forward pass:

    flow(
        "h = MatMul x dense/kernel @dense",
        "r:int64(8,) = ArgMax h @head :12",
        "-- loss",
        "loss() = Mean r",
        inputs=["x"],
        variables=["dense/kernel"],
    )

A line is `results = Type operands`, then `@layer path`, `:line` of `model.py`, and `!local` gradients, which the
gradient function hands to the operands (one for all, or one each, with commas; `!zero`, `!passes,none`).
A result is `name`, `name:dtype`, `name(shape)` or `name:dtype(shape)`; without them it is float32 of shape (8, 4).
What follows `-- loss` belongs to the loss. Operands that nothing has made are constants, numbers among them scalars.
Variables are read where they are used.

The backward pass is played: the loss has a gradient, every operation passes it on to its float operands unless `!`
says otherwise, and `gradients=` overrides the outcome tensor by tensor.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from gradlint.flow import Flow
from gradlint.operations import Trait, has
from gradlint.passes.facts import Doubts, Experiments, Facts, facts_of
from gradlint.passes.otherdata import Drawn, OtherData
from gradlint.passes.partial import unused_slices
from gradlint.record.recording import (
    ABSENT,
    NOT_APPLICABLE,
    NOT_REDUCED,
    Gradient,
    InputRecord,
    LabelRecord,
    LayerCall,
    LossFunction,
    LossRecord,
    OpRecord,
    OutputRecord,
    Recording,
    TensorRecord,
    Values,
    VariableRecord,
    calls_for_a_look,
)
from gradlint.record.start import Target
from gradlint.record.terms import Local, Region, is_float
from gradlint.result import GradientState

FILE = "model.py"
PSEUDO = ("PyFunc", "NumpyConversion", "CustomGradient", "InnerGradient")
DEAF = ("StopGradient", "PyFunc", "NumpyConversion", "InnerGradient", "Round", "ArgMax")
ORDER = (GradientState.ABSENT, GradientState.ZERO, GradientState.FINITE, GradientState.NONFINITE)
STATES = {"absent": ABSENT, "n/a": NOT_APPLICABLE}


@dataclass(frozen=True)
class Part:
    """A line of a flow, an input, a variable, an output, a label or a call, with what its text does not say."""

    text: str
    options: dict


def op(text, /, **options):
    """An operation with `detail`, `saturated`, `mismatch`, or `enclosed=True` in the next `CustomGradient`."""
    return Part(text, options)


# Inputs, variables, outputs and labels take the fields of their records, calls those of `LayerCall`.
given = variable = output = label = call = op


def values(low, high, *, mean=None, zeros=0.0, nonfinite=0, nan=0, size=32):
    """Values of a tensor, reduced."""
    return Values(low, high, (low + high) / 2 if mean is None else mean, zeros, nonfinite, size, nan)


def function(output, name, from_logits=False, builtin=True):
    """The compiled loss of one output."""
    return LossFunction(output, name, from_logits, builtin)


def target(loss, **options):
    """Labels of the output `o` under a loss, as its first step saw them: whole numbers from 0 to 1 unless told."""
    known = {
        "output": "",
        "key": "y",
        "from_logits": None,
        "ignored": None,
        "shape": (8, 4),
        "prediction": (8, 4),
        "low": 0.0,
        "high": 1.0,
        "whole": 1.0,
        "above": 0.0,
        "below": 0.0,
        "far_below": 0.0,
        "row_low": 1.0,
        "row_high": 1.0,
        "singles": 1.0,
        "nan": 0,
    }
    return Target(loss=loss, **{**known, **options})


def gradient(what):
    """A gradient from `absent`, `zero`, `finite`, `non-finite`, or its norm."""
    match what:
        case Gradient():
            return what
        case float() | int():
            return Gradient(GradientState.FINITE, float(what), float(what))
        case "zero":
            return Gradient(GradientState.ZERO, 0.0, 0.0, 0.0)
        case "finite":
            return Gradient(GradientState.FINITE, 1.0, 1.0)
        case "non-finite":
            return Gradient(GradientState.NONFINITE)
    return STATES[what]


def flow(*lines, **options) -> Flow:
    """A flow from lines of operations; `options` are those of `_Builder.build`."""
    return Flow(_Builder().build(lines, **options))


def facts(subject, *, spec=None, **options):
    """Facts about a flow; `options` are those of `facts_of`, and the fields of `Doubts` and `Experiments`."""
    probes = tuple(options.pop("probes", ()))
    doubts = {name: options.pop(name) for name in Doubts.__slots__ if name in options}
    doubts = {"probes": probes, "unused": unused_slices(subject, probes), **doubts}
    experiments = {name: options.pop(name) for name in Experiments.__slots__ if name in options}
    return facts_of(subject, Facts(spec=spec), Doubts(**doubts), Experiments(**experiments), **options)


def on_other_data(*alive, drawn=Drawn.OWN_SCALE, zeroed=None):
    """An experiment on other data, as `neutral=` takes it: what is `alive` has a gradient on the data of one draw.

    Args:
        alive: keys and paths.
        drawn: the draw; on others nothing has a gradient.
        zeroed: the position at which the data become zero, by that of the operation asked about.
    """
    draws = (Drawn.OWN_SCALE, Drawn.UNIT_SCALE, Drawn.WIDE)
    return lambda positions: iter(
        OtherData(one, ("x",), dict.fromkeys(alive, 1.0) if one is drawn else {}, zeroed or {}) for one in draws
    )


def found(rule, subject):
    """What a rule finds in facts or a flow, in the order of the forward pass.

    Each finding as its severity, inputs, variables and place, such as `encoder/dense MatMul :12`.
    """
    subject = facts(subject) if isinstance(subject, Flow) else subject
    findings = sorted(rule.check(subject), key=lambda f: (f.position, f.inputs, f.variables))
    assert all((finding.code, finding.name) == (rule.code, rule.name) for finding in findings)
    return [(f.severity.value, f.inputs, f.variables, place(f.cause)) for f in findings]


def place(cause):
    """A cause as text."""
    line = f":{cause.line}" if cause.line is not None else None
    assert (cause.file is None) == (line is None)
    return " ".join(part for part in (cause.layer, cause.op, line) if part)


def position_of(subject, op_type, number=0):
    """The position of an operation of a type."""
    return [at for at, entry in enumerate(subject.recording.ops) if entry.type == op_type][number]


def tensor_of(subject, key):
    """The tensor of an input key or of a variable's path."""
    inputs = {record.key: record.tensor for record in subject.recording.inputs}
    return (inputs | {record.path: record.tensor for record in subject.recording.variables})[key]


def _part(entry):
    return entry if isinstance(entry, Part) else Part(entry, {})


def _token(text):
    """Name, dtype and shape."""
    match = re.fullmatch(r"([^:(]+)(?::(\w+))?(\([-\d,]*\))?", text)
    assert match is not None, f"{text!r} is no tensor"
    name, dtype, shape = match.groups()
    sizes = (8, 4) if shape is None else tuple(int(n) for n in shape.strip("()").split(",") if n)
    return name, dtype or "float32", sizes


class _Builder:
    def __init__(self):
        self.names = {}
        self.tensors = []
        self.ops = []
        self.passing = []
        self.enclosed = []
        self.handles = set()

    def build(
        self,
        lines,
        *,
        inputs=(),
        variables=(),
        outputs=(),
        labels=(),
        calls=(),
        decisions=(),
        gradients=None,
        values=None,
        loss="loss",
        loss_value=1.0,
        loss_kind="compiled",
        loss_line=None,
        functions=(),
        failure=None,
        leak=None,
        future_leaks=(),
        start=None,
    ):
        inputs, variables, labels = map(_part, inputs), map(_part, variables), map(_part, labels)
        inputs = [(self.source(part.text), part) for part in inputs]
        variables = [(self.source(part.text, "resource"), part) for part in variables]
        labels = [(self.source(part.text), part) for part in labels]
        self.known = dict(values or {})
        for (path, *_), part in variables:
            self.handles.add(path)
            if "values" in part.options:
                self.known[path] = part.options["values"]
        region = Region.MODEL
        for line in map(_part, lines):
            if line.text == "-- loss":
                region = Region.LOSS
            else:
                self.add(line, region)
        self.set_values()
        learning = {path for (path, *_), part in variables if part.options.get("trainable", True)}
        sources = {name for (name, dtype, _), _ in inputs if is_float(dtype)} | learning
        overrides = gradients if gradients and loss in self.names else {}
        self.play(self.names.get(loss), {self.names[name] for name in sources}, overrides)
        outputs = [self.output(_part(entry)) for entry in outputs]
        tensor = self.names.get(loss)
        record = LossRecord(
            loss_kind,
            "by hand",
            tensor,
            loss_value,
            tuple(functions),
            file=FILE if loss_line is not None else None,
            line=loss_line,
        )
        self.forget_what_nobody_looks_at(record, {entry.tensor for entry in outputs})
        return Recording(
            ops=tuple(self.ops),
            tensors=tuple(self.tensors),
            calls=tuple(self.call(_part(entry)) for entry in calls),
            inputs=tuple(self.input(token, part) for token, part in inputs),
            variables=tuple(self.variable(token, part) for token, part in variables),
            outputs=tuple(outputs),
            labels=tuple(
                LabelRecord(name, part.options.get("output", ""), self.names[name], shape, dtype)
                for (name, dtype, shape), part in labels
            ),
            loss=record,
            decisions=frozenset(self.names[name] for name in decisions),
            failure=failure,
            leak=leak,
            future_leaks=tuple(future_leaks),
            is_looked_at=self.is_looked_at,
            start=start,
        )

    def forget_what_nobody_looks_at(self, loss, outputs):
        """As the recorder does: values of other tensors than outputs are reduced where the run gives a reason.

        Those that are said to be None belong to empty tensors.
        """
        empty = {self.names[name] for name, what in self.known.items() if what is None}
        gradients = [tensor.gradient for tensor in self.tensors]
        saturated = [entry.saturated for entry in self.ops]
        self.is_looked_at = loss.tensor is not None and calls_for_a_look(loss, gradients, saturated)
        for index, tensor in enumerate(self.tensors):
            if not is_float(tensor.dtype) or index in empty:
                self.tensors[index] = replace(tensor, reduced=None)
            elif not self.is_looked_at and index not in outputs:
                self.tensors[index] = replace(tensor, reduced=NOT_REDUCED)
            elif tensor.reduced is None:
                self.tensors[index] = replace(tensor, reduced=values(-1.0, 1.0))

    # -- forward ---------------------------------------------------------------------------------------

    def source(self, text, dtype=None):
        name, kind, shape = _token(text)
        self.names[name] = len(self.tensors)
        stored = TensorRecord((), dtype, None, ABSENT) if dtype else TensorRecord(shape, kind, None, ABSENT)
        self.tensors.append(stored)
        return name, kind, shape

    def add(self, line, region):
        left, _, right = line.text.partition("=")
        op_type, *rest = right.split()
        layer = next((word[1:] for word in rest if word[0] == "@"), "")
        number = next((int(word[1:]) for word in rest if word[0] == ":"), None)
        local = next((word[1:] for word in rest if word[0] == "!"), "")
        operands = [self.operand(word, op_type, layer, region) for word in rest if word[0] not in "@:!" or word == ":"]
        results = [self.result(text) for text in left.split()]
        options = dict(line.options)
        if options.pop("enclosed", False):
            self.enclosed.append(len(self.ops))
        if op_type == "CustomGradient":
            for inside in self.enclosed:
                self.ops[inside] = replace(self.ops[inside], enclosed=len(self.ops))
            self.enclosed = []
        self.passing.append(self.local(op_type, operands, results, local))
        self.ops.append(
            OpRecord(
                type=op_type,
                layer=layer,
                file=FILE if number is not None else None,
                line=number,
                region=region,
                inputs=tuple(operands),
                outputs=tuple(results),
                local=(Local.UNASKED,) * len(operands),
                **options,
            )
        )

    def operand(self, word, op_type, layer, region):
        if word in self.handles and op_type != "ReadVariableOp" and not op_type.startswith("Assign"):
            self.add(Part(f"{word}' = ReadVariableOp {word}" + (f" @{layer}" if layer else ""), {}), region)
            index = self.names[f"{word}'"]
            self.tensors[index] = replace(self.tensors[index], reduced=self.values_of(word, index))
            return index
        if word not in self.names:
            try:
                number = float(word)
            except ValueError:
                self.source(word)
            else:
                self.names[word] = len(self.tensors)
                self.tensors.append(
                    TensorRecord((), "float32", None, ABSENT, values(number, number, zeros=float(number == 0), size=1))
                )
        return self.names[word]

    def result(self, text):
        name, dtype, shape = _token(text)
        # A CustomGradient's results were made by the operations inside.
        if name in self.names and self.tensors[self.names[name]].producer is not None and not name.endswith("'"):
            return self.names[name]
        self.names[name] = len(self.tensors)
        self.tensors.append(TensorRecord(shape, dtype, len(self.ops), ABSENT))
        return self.names[name]

    def local(self, op_type, operands, results, text):
        words = text.split(",") if text else []
        if len(words) < 2:
            discrete = results and not any(is_float(self.tensors[r].dtype) for r in results)
            deaf = discrete or op_type in DEAF or has(op_type, Trait.READS_SHAPE) or has(op_type, Trait.OVERWRITES)
            words = [words[0] if words else "none" if deaf else "passes"] * len(operands)
        assert len(words) == len(operands), f"{op_type} has {len(operands)} operands"
        return [
            Local(word) if self.carries(operand) else Local.NONE for word, operand in zip(words, operands, strict=True)
        ]

    def carries(self, index):
        return is_float(self.tensors[index].dtype) or self.tensors[index].dtype == "resource"

    def set_values(self):
        for name in self.known.keys() - self.handles:
            index = self.names[name]
            self.tensors[index] = replace(self.tensors[index], reduced=self.values_of(name, index))

    def values_of(self, name, index):
        what = self.known.get(name)
        size = math.prod(self.tensors[index].shape)
        match what:
            case "zeros":
                return values(0.0, 0.0, zeros=1.0, size=size)
            case "nan":
                return values(-1.0, 1.0, nonfinite=1, nan=1, size=size)
            case "inf":
                return values(-1.0, 1.0, nonfinite=1, size=size)
            case (low, high):
                return values(low, high, size=size)
        return what

    # -- backward --------------------------------------------------------------------------------------

    def play(self, loss, sources, overrides):
        marked = set(sources)
        for entry in self.ops:
            if any(index in marked for index in entry.inputs):
                marked.update(entry.outputs)
        given = {self.names[name]: gradient(what) for name, what in overrides.items()}
        arriving = {}

        def final(index):
            if index in given:
                return given[index]
            tensor = self.tensors[index]
            if not self.carries(index):
                return NOT_APPLICABLE
            if index not in marked or (tensor.dtype == "resource" and index not in sources):
                return ABSENT
            return gradient(arriving.get(index, GradientState.ABSENT).value)

        if loss is not None:
            arriving[loss] = GradientState.FINITE
        for position in range(len(self.ops) - 1, -1, -1):
            entry = self.ops[position]
            states = [final(index).state for index in entry.outputs]
            state = max((s for s in states if s in ORDER), key=ORDER.index, default=GradientState.ABSENT)
            if entry.enclosed is not None or state is GradientState.ABSENT:
                continue
            for index, local in zip(entry.inputs, self.passing[position], strict=True):
                handed = {
                    Local.PASSES: state,
                    Local.ZERO: GradientState.ZERO,
                    Local.NONFINITE: GradientState.NONFINITE,
                }.get(local, GradientState.ABSENT)
                arriving[index] = max(arriving.get(index, GradientState.ABSENT), handed, key=ORDER.index)
        self.tensors = [replace(tensor, gradient=final(index)) for index, tensor in enumerate(self.tensors)]
        self.ops = [self.examined(position, marked) for position in range(len(self.ops))]

    def examined(self, position, marked):
        """As the recorder does: an operation is asked only where the gradient changes its state."""
        entry = self.ops[position]
        incoming = [self.tensors[index].gradient.state for index in entry.inputs]
        outgoing = {self.tensors[index].gradient.state for index in entry.outputs}
        absent = any(
            index in marked and state in (GradientState.ABSENT, GradientState.NOT_APPLICABLE)
            for index, state in zip(entry.inputs, incoming, strict=True)
        )
        alive = bool(outgoing & {GradientState.FINITE, GradientState.NONFINITE})
        zero = alive and GradientState.ZERO in incoming
        born = (
            GradientState.NONFINITE in incoming
            and GradientState.NONFINITE not in outgoing
            and bool(outgoing & {GradientState.FINITE, GradientState.ZERO})
        )
        pseudo = entry.type in PSEUDO or entry.type == "ReadVariableOp" or entry.type.startswith("Assign")
        if entry.type == "CustomGradient" and Local.RAISES in self.passing[position]:
            return replace(entry, local=tuple(self.passing[position]))
        if pseudo or not (absent or zero or born) or not any(index in marked for index in entry.inputs):
            return entry
        exact = zero or born
        local = [Local.PASSES if word is Local.ZERO and not exact else word for word in self.passing[position]]
        return replace(entry, local=tuple(local))

    # -- records ---------------------------------------------------------------------------------------

    def input(self, token, part):
        name, dtype, shape = token
        options = {"gradient": self.tensors[self.names[name]].gradient, "tensor": self.names[name], **part.options}
        return InputRecord(key=name, shape=shape, dtype=dtype, **options)

    def variable(self, token, part):
        path, dtype, shape = token
        options = {
            "trainable": True,
            "layer": path.rpartition("/")[0],
            "gradient": self.tensors[self.names[path]].gradient,
            "tensor": self.names[path],
            **part.options,
            "values": self.values_of(path, self.names[path]),
        }
        return VariableRecord(path=path, shape=shape, dtype=dtype, **options)

    def output(self, part):
        index = self.names[part.text]
        producer = self.tensors[index].producer
        options = {"name": part.text, "layer": self.ops[producer].layer if producer is not None else "", **part.options}
        return OutputRecord(tensor=index, **options)

    def call(self, part):
        """`layer -> results`; the operations are those of the layer, or those from `first` on to before `last`."""
        layer, _, results = part.text.partition("->")
        layer = layer.strip()
        inside = [n for n, entry in enumerate(self.ops) if not layer or f"{entry.layer}/".startswith(f"{layer}/")]
        options = {
            "class_name": "Layer",
            "is_library": False,
            "is_model": False,
            "is_operation": False,
            "first": min(inside, default=0),
            "last": max(inside, default=-1) + 1,
            **part.options,
        }
        return LayerCall(layer=layer, outputs=tuple(self.names[name] for name in results.split()), **options)
