from __future__ import annotations

import pytest
from flows import flow

from gradlint.operations import Trait, with_trait
from gradlint.passes.labels import broadcasts, made_by


def run(y, out, result, op_type="Sub", line="", **options):
    return flow(
        f"o({out}) = MatMul x k @head",
        "-- loss",
        f"d({result}) = {op_type} y o {line}",
        "loss() = Mean d",
        inputs=["x"],
        labels=[f"y({y})"],
        variables=["k"],
        **options,
    )


@pytest.mark.parametrize("op_type", sorted(with_trait(Trait.COMPARES)))
def test_comparisons(op_type):
    assert len(broadcasts(run("8", "8,1", "8,8", op_type))) == 1


@pytest.mark.parametrize("op_type", ["Mul", "AddV2", "Minimum", "SelectV2", "Pow", "SomethingNew"])
def test_whatever_meets_in_own_code(op_type):
    """Shapes tell that elements meet: no list of operations is asked."""
    assert broadcasts(run("8", "8,1", "8,8", op_type)) == ()
    assert len(broadcasts(run("8", "8,1", "8,8", op_type, line=":9"))) == 1
    assert broadcasts(run("8,1", "8,1", "8,1", op_type, line=":9")) == ()
    assert broadcasts(run("8", "8,8", "8,8", op_type, line=":9")) == ()


def test_a_product_of_matrices_is_none():
    assert broadcasts(run("8", "8,1", "8,8", "MatMul", line=":9")) == ()


def meeting(*lines, y="8", out="8,1"):
    """Labels a and predictions b, as some lines make them from y and o, in one operation of the user's loss."""
    made = {line[0] for line in lines}
    return flow(
        f"o({out}) = MatMul x k @head",
        "-- loss",
        *lines,
        f"d(8,8) = Sub {'a' if 'a' in made else 'y'} {'b' if 'b' in made else 'o'} :9",
        "loss() = Mean d",
        inputs=["x"],
        labels=[f"y({y})"],
        variables=["k"],
    )


@pytest.mark.parametrize(
    ("subject", "fires"),
    [
        (meeting("a(1,8) = Transpose y :8", y="8,1"), False),
        (meeting("a(1,8) = Reshape y :8", y="8,1"), False),
        (meeting("b(1,8) = Transpose o :8", y="8,1"), False),
        (meeting("a(8) = StridedSlice y :8", "b(8,1) = ExpandDims o :8", y="8,1", out="8"), False),
        (meeting("a(8) = Sum y :8", "b(8,1) = Sum o :8", y="8,3", out="8,3"), False),
        (meeting("b(8,1) = ExpandDims o :8", out="8"), True),
        (meeting("a(8) = Squeeze y :8", y="8,1"), True),
        (meeting("a(8) = Cast y :8"), True),
    ],
)
def test_pairs_that_are_meant(subject, fires):
    assert bool(broadcasts(subject)) is fires


@pytest.mark.parametrize("search", ["Min", "Max", "Softmax", "TopKV2"])
def test_a_table_that_is_searched_is_meant(search):
    def subject(spread):
        return flow(
            f"o({'8' if spread else '8,1'}) = MatMul x k @head",
            "-- loss",
            *(["b(8,1) = ExpandDims o :8"] if spread else []),
            f"d(8,8) = Sub y {'b' if spread else 'o'} :9",
            "e(8,8) = Abs d",
            f"m(8) = {search} e",
            "loss() = Mean m",
            inputs=["x"],
            labels=["y(8)"],
            variables=["k"],
        )

    assert broadcasts(subject(True)) == ()
    assert len(broadcasts(subject(False))) == 1


class TestInputsAsLabels:
    """What a layer compares in `add_loss` comes in as an input."""

    @staticmethod
    def subject(y="8", out="8,1", result="8,8", line=":9", before=(), operand="y"):
        return flow(
            f"o({out}) = MatMul x k @head",
            *before,
            f"d({result}) = Mul {operand} o @end {line}",
            "loss() = Mean d @end",
            inputs=["x", f"y({y})"],
            variables=["k", "table"],
        )

    def test_meet_predictions(self):
        (broadcast,) = broadcasts(self.subject())
        assert (broadcast.key, broadcast.is_label, broadcast.layer) == ("y", False, "head")

    def test_of_the_same_shape(self):
        assert broadcasts(self.subject(y="8,1", result="8,1")) == ()

    def test_weigh_rows(self):
        assert broadcasts(self.subject(y="8,1", out="8,5", result="8,5")) == ()

    def test_in_a_layer_of_keras(self):
        assert broadcasts(self.subject(line="")) == ()

    def test_that_a_variable_went_into(self):
        assert broadcasts(self.subject(before=["e(8) = Mul y table"], operand="e")) == ()


@pytest.mark.parametrize(
    ("y", "out", "result", "in_keras", "in_own"),
    [
        ("8", "8,1", "8,8", True, True),
        ("8,1", "8,5", "8,5", True, False),
        ("8,5", "8,1", "8,5", True, True),
        ("8", "4,8", "4,8", True, True),
        ("1", "8", "8", True, True),
        ("8,1", "8,1", "8,1", False, False),
        ("1", "1,1", "1,1", False, False),
        ("8", "1,8", "1,8", False, False),
        ("", "8,1", "8,1", False, False),
        ("8,1", "", "8,1", False, False),
    ],
)
def test_shapes(y, out, result, in_keras, in_own):
    assert bool(broadcasts(run(y, out, result))) is in_keras
    assert bool(broadcasts(run(y, out, result, line=":9"))) is in_own


@pytest.mark.parametrize(("y", "out", "result", "is_outer"), [("8", "8,1", "8,8", True), ("8,1", "8,5", "8,5", False)])
def test_outer(y, out, result, is_outer):
    (broadcast,) = broadcasts(run(y, out, result))
    assert broadcast.is_outer is is_outer
    assert broadcast.is_builtin


def test_each_label_and_layer_once():
    subject = flow(
        "o(8,1) = MatMul x a/k @a",
        "p(8,1) = MatMul x b/k @b",
        "-- loss",
        "d(8,8) = Sub y o",
        "e(8,8) = SquaredDifference y o",
        "f(8,8) = Sub y p",
        "s(8,8) = AddN d e f",
        "loss() = Mean s",
        inputs=["x"],
        labels=["y(8,)"],
        variables=["a/k", "b/k"],
    )
    assert [(b.layer, b.op.type) for b in broadcasts(subject)] == [("a", "Sub"), ("b", "Sub")]


def test_an_input_that_is_compared_is_a_prediction():
    subject = flow("-- loss", "d(8,8) = Sub y x", "loss() = Mean d", inputs=["x(8,1)"], labels=["y(8,)"])
    (broadcast,) = broadcasts(subject)
    assert broadcast.layer == ""


class TestMadeBy:
    SUBJECT = flow(
        "a = MatMul x k @first",
        "b = Tanh a @second",
        "c = Neg b",
        "-- loss",
        "d = Log c",
        "e = AddV2 z d",
        "loss() = Mean e",
        inputs=["x"],
        variables=["k"],
    )

    @pytest.mark.parametrize(
        ("op_type", "layer"),
        [("Mean", "second"), ("Log", "second"), ("Neg", "second"), ("Tanh", "second"), ("MatMul", "first")],
    )
    def test_the_nearest_layer(self, op_type, layer):
        (op,) = [op for op in self.SUBJECT.recording.ops if op.type == op_type]
        assert made_by(self.SUBJECT, op.outputs[0]) == layer

    def test_nobody(self):
        assert made_by(self.SUBJECT, self.SUBJECT.recording.inputs[0].tensor) == ""


@pytest.mark.parametrize("spreader", ["ExpandDims", "StridedSlice", "Reshape"])
@pytest.mark.parametrize(
    ("of_labels", "of_predictions", "fires"), [(True, True, False), (True, False, True), (False, True, True)]
)
def test_pairs_are_meant_where_both_get_an_axis_for_it(spreader, of_labels, of_predictions, fires):
    """As in a distance of every point to every other: `y[:, None] - p[:, :, None]`."""
    lines = ["-- loss"]
    lines += [f"a(8,1,5) = {spreader} y", "b(8,1,5) = Cast a"] if of_labels else []
    lines += [f"c(8,7,1) = {spreader} o"] if of_predictions else []
    subject = flow(
        "o(8,7) = MatMul x k @head" if of_predictions else "o(8,7,1) = MatMul x k @head",
        *lines,
        f"d(8,7,5) = Sub {'b' if of_labels else 'y'} {'c' if of_predictions else 'o'} :9",
        "loss() = Mean d",
        inputs=["x"],
        labels=["y(8,5)" if of_labels else "y(8,1,5)"],
        variables=["k"],
    )
    assert bool(broadcasts(subject)) is fires


def test_an_axis_of_the_model_is_none_of_the_loss():
    subject = flow(
        "m(8) = MatMul x k @head",
        "o(8,1) = ExpandDims m @head",
        "-- loss",
        "a(1,8) = ExpandDims y",
        "d(8,8) = Sub a o :9",
        "loss() = Mean d",
        inputs=["x"],
        labels=["y(8)"],
        variables=["k"],
    )
    assert len(broadcasts(subject)) == 1


@pytest.mark.parametrize(
    ("y", "out", "result", "fires"),
    [
        ("4,1", "-1,1", "-1,1", False),
        ("-1,1", "-1,1", "-1,1", False),
        ("-1", "-1", "-1", False),
        ("4", "-1,1", "-1,4", True),
        ("8", "8,-1", "8,8", True),
    ],
)
def test_unknown_lengths_may_be_those_of_the_other(y, out, result, fires):
    found = broadcasts(run(y, out, result))
    assert bool(found) is fires
    assert all(-1 not in b.label_shape + b.prediction_shape + b.result_shape for b in found)


@pytest.mark.parametrize(
    ("lines", "fires"),
    [
        (["c(8,1) = Square r :8", "v(8) = StridedSlice o :8"], True),
        (["c(8,1) = Square r :8", "v(8,1) = StridedSlice o :8"], False),
        (["c(8,1) = Sum r :8", "v(8) = StridedSlice o :8"], False),  # kept as an axis, for a table of pairs
        (["s(8) = StridedSlice r :8", "c(8,1) = ExpandDims s :8", "v(8) = StridedSlice o :8"], False),
    ],
    ids=["a column meets a row", "two columns", "spread by a sum", "spread by an axis"],
)
def test_a_residual_that_meets_another_part_of_the_predictions(lines, fires):
    """As a mean that is sliced as a column, and a variance that is sliced as a vector."""
    part = "r(8,8) = Sub y o :8" if "Sum" in lines[0] else "m(8,1) = StridedSlice o :8"
    subject = flow(
        "o(8,2) = MatMul x k @head",
        "-- loss",
        part,
        *([] if "Sum" in lines[0] else ["r(8,1) = Sub y m :8"]),
        *lines,
        f"d({'8,8' if fires or len(lines) == 3 or 'Sum' in lines[0] else '8,1'}) = Mul c v :9",
        "loss() = Mean d",
        inputs=["x"],
        labels=["y(8,1)"],
        variables=["k"],
    )
    assert [found.op.type for found in broadcasts(subject)] == (["Mul"] if fires else [])
