from __future__ import annotations

import pytest
from flows import flow, op, variable

from gradlint.operations import Trait, with_trait
from gradlint.passes.blocks import blocks
from gradlint.passes.reasons import Why
from gradlint.passes.stops import lost
from gradlint.record.recording import Failure
from gradlint.record.terms import Region
from gradlint.thresholds import DEFAULT_THRESHOLDS

ALL = {("input", "x"), ("variable", "k")}


def run(*lines, **options):
    options = {"inputs": ["x"], "variables": ["k"], "outputs": []} | options
    return flow("h = MatMul x k @dense", *lines, "loss() = Mean c", **options)


def names(found):
    return [(b.op.type, b.why, b.inputs, tuple(v.path for v in b.variables), b.keys) for b in found]


CLOSED = DEFAULT_THRESHOLDS.saturated_share


@pytest.mark.parametrize(
    ("op_type", "why"),
    [(name, Why.RECTIFIER) for name in sorted(with_trait(Trait.RECTIFIES))]
    + [(name, Why.SATURATION) for name in sorted(with_trait(Trait.SQUASHES))]
    + [(name, Why.STEP) for name in sorted(with_trait(Trait.STEPS))]
    + [(name, Why.CLIPPING) for name in sorted(with_trait(Trait.SELECTS))]
    + [("Exp", Why.OTHER)],
)
def test_why_by_type(op_type, why):
    assert names(blocks(run(f"c = {op_type} h !zero"), ())) == [(op_type, why, ("x",), ("k",), ("x",))]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("c = Maximum h 0 !zero", Why.RECTIFIER),
        ("c = Maximum 0 h !zero", Why.RECTIFIER),
        ("c = Maximum h 1 !zero", Why.CLIPPING),
        ("c = Minimum h 0 !zero", Why.CLIPPING),
        ("c = Maximum h y !zero,none", Why.CLIPPING),
    ],
)
def test_maximum_of_zero_is_a_rectifier(line, why):
    assert [block.why for block in blocks(run(line), ())] == [why]


@pytest.mark.parametrize(
    ("line", "options", "why"),
    [
        ("c = Mul h m !zero,none", {"values": {"m": "zeros"}}, Why.ZERO_FACTOR),
        ("c = Mul m h !none,zero", {"values": {"m": "zeros"}}, Why.ZERO_FACTOR),
        ("c = Mul h m !zero,none", {"values": {"m": (0.0, 1.0)}}, Why.OTHER),
        ("c = Mul h m !zero,none", {}, Why.OTHER),
        ("c = MatMul h z !zero,passes", {"variables": ["k", variable("z", values="zeros")]}, Why.ZERO_WEIGHT),
        (
            "c = MatMul h z !zero,passes",
            {"variables": ["k", variable("z", values="zeros", trainable=False)]},
            Why.ZERO_SCHEDULE,
        ),
        ("c = MatMul m k !none,zero", {"values": {"m": "zeros"}}, Why.ZERO_CONSTANT),
        ("c = MatMul x k !passes,zero", {"values": {"x": "zeros"}}, Why.ZERO_ACTIVATION),
    ],
)
def test_why_of_a_product(line, options, why):
    found = blocks(run(line, **options), ())
    assert why in [block.why for block in found]


def test_zeros_whose_sum_is_squared_keep_themselves_so_and_their_penalty_is_no_cause():
    subject = flow(
        "g = GatherV2 z x",
        "s = Sum g",
        "c = Square s @machine !zero",
        "-- loss",
        "p = Square z !zero",
        "l = AddV2 c p",
        "loss() = Mean l",
        inputs=["x:int32"],
        variables=[variable("z", values="zeros")],
        values={"g": "zeros", "s": "zeros"},
        gradients={"z": "zero", "g": "zero", "s": "zero"},
    )
    (block,) = blocks(subject, ())
    assert (block.why, block.op.layer, block.factor.path) == (Why.ZERO_WEIGHT, "machine", "z")


@pytest.mark.parametrize("carrier", ["Identity", "Cast", "Reshape", "Transpose", "StridedSlice"])
def test_a_variable_is_known_behind_what_only_carries_it(carrier):
    subject = run(
        f"w = {carrier} z",
        "c = MatMul h w !zero,passes",
        variables=["k", variable("z", values="zeros")],
        values={"w": "zeros"},
    )
    (block,) = blocks(subject, ())
    assert (block.why, block.factor.path) == (Why.ZERO_WEIGHT, "z")


def test_a_function_of_a_variable_is_not_the_variable():
    subject = run(
        "w = Tanh z",
        "c = MatMul h w !zero,passes",
        variables=["k", variable("z", values="zeros")],
        values={"w": "zeros"},
    )
    (block,) = blocks(subject, ())
    assert (block.why, block.factor) == (Why.ZERO_FACTOR, None)


@pytest.mark.parametrize(("share", "is_closed"), [(0.0, False), (CLOSED - 0.01, False), (CLOSED, True), (1.0, True)])
def test_from_which_share_a_function_is_closed(share, is_closed):
    subject = run(op("c = Sigmoid h", saturated=share))
    assert bool(lost(subject)) is is_closed
    assert lost(subject) == (ALL if is_closed else set())


@pytest.mark.parametrize(("state", "is_lost"), [("zero", True), ("finite", False), ("non-finite", False)])
def test_a_way_by_which_zeros_alone_come_back_is_none(state, is_lost):
    subject = run(
        op("s = Sigmoid h", saturated=1.0),
        op("g = Tanh h", saturated=0.0),
        "m = Mul g d",
        "c = AddV2 s m",
        inputs=["x", "d"],
        gradients={"g": state if state != "finite" else 0.1, "d": 1.0},
    )
    assert (("variable", "k") in lost(subject)) is is_lost


@pytest.mark.parametrize("beside", ["s = AddV2 c h", "s = Mul c x"])
def test_a_way_around_a_closed_function_is_open(beside):
    subject = flow(
        "h = MatMul x k",
        op("c = Sigmoid h", saturated=1.0),
        beside,
        "loss() = Mean s",
        inputs=["x"],
        variables=["k"],
    )
    assert ("input", "x") not in lost(subject)


@pytest.mark.parametrize(
    ("state", "is_dead"), [("absent", False), ("zero", True), (1e-30, False), ("non-finite", False)]
)
def test_only_zero_is_lost(state, is_dead):
    assert lost(run("c = Tanh h", gradients={"x": state, "k": state})) == (ALL if is_dead else set())


def test_the_block_next_to_the_loss_has_all_victims():
    assert names(blocks(run("r = Relu h !zero", "c = Sign r !zero"), ())) == [
        ("Sign", Why.STEP, ("x",), ("k",), ("x",))
    ]


def test_victims_between_two_blocks():
    subject = flow(
        "r = Relu x @a !zero",
        "h = MatMul r k",
        "c = Sign h @b !zero",
        "loss() = Mean c",
        inputs=["x"],
        variables=["k"],
        gradients={"h": "zero"},
    )
    assert names(blocks(subject, ())) == [("Sign", Why.STEP, ("x",), ("k",), ("x",))]


def test_one_layer_on_two_ways_is_one_block():
    (block,) = blocks(run("p = Relu h @act !zero", "q = Relu h @act !zero", "c = AddV2 p q"), ())
    assert block.position == 3


def test_different_reasons_are_different_blocks():
    subject = flow(
        "p = Relu x @act !zero",
        "q = Sign y @act !zero",
        "c = AddV2 p q",
        "loss() = Mean c",
        inputs=["x", "y"],
    )
    assert [(block.why, block.inputs) for block in blocks(subject, ())] == [
        (Why.RECTIFIER, ("x",)),
        (Why.STEP, ("y",)),
    ]


class TestProbes:
    DEAD = run("c = Relu h !zero")
    ALIVE = run("c = Relu h")
    FAILED = run("c = Relu h", failure=Failure("shape", "no", Region.MODEL, None, None, None, None, None))

    @pytest.mark.parametrize(
        ("probes", "count"),
        [([], 1), ([DEAD, DEAD], 1), ([DEAD, ALIVE], 0), ([FAILED], 1), ([FAILED, ALIVE], 0)],
    )
    def test_a_victim_is_dead_in_all_of_them(self, probes, count):
        assert len(blocks(self.DEAD, probes)) == count

    def test_a_victim_that_lives_in_one_probe_leaves_the_others(self):
        (block,) = blocks(self.DEAD, [run("c = Relu h !zero", gradients={"x": 1.0})])
        assert (block.inputs, [v.path for v in block.variables]) == ((), ["k"])

    def test_what_finite_differences_contradict_counts_in_any_case(self):
        lying = frozenset({"k"})
        (block,) = blocks(self.DEAD, [self.ALIVE], lying)
        assert [v.path for v in block.variables] == ["k"]
        assert block.is_wrong(lying)
        assert not block.is_wrong(frozenset({"x"}))


@pytest.mark.parametrize(("mismatch", "is_wrong"), [(None, False), (0.01, False), (0.02, True)])
def test_a_slope_that_the_gradient_function_denies(mismatch, is_wrong):
    (block,) = blocks(run(op("c = Floor h !zero", mismatch=mismatch)), ())
    assert block.is_wrong(frozenset()) is is_wrong


class TestFlatLoss:
    @pytest.mark.parametrize(
        ("lines", "options", "is_flat"),
        [
            (["c = Minimum o 1 !zero"], {}, False),
            (["c = Minimum o 1 !zero"], {"loss_value": 0.0}, True),
            (["d = Sub o y", "c = Minimum d 1 !zero"], {"labels": ["y"]}, True),
            (["p = Tanh h", "d = Sub o p", "c = Minimum d 1 !zero"], {"outputs": ["o", "p"]}, True),
            (["d = Sub o z", "c = Minimum d 1 !zero"], {}, False),
        ],
    )
    def test_in_the_loss(self, lines, options, is_flat):
        options = {"outputs": ["o"]} | options
        (block,) = blocks(run("o = Identity h", "-- loss", *lines, **options), ())
        assert block.in_loss
        assert block.is_flat_loss is is_flat

    def test_in_the_model(self):
        (block,) = blocks(run("c = Minimum h 1 !zero"), ())
        assert not block.in_loss
        assert not block.is_flat_loss


class TestKeys:
    def test_a_key_with_an_open_way_is_not_blocked(self):
        assert blocks(run("r = Relu h !zero", "c = AddV2 r x"), ())[0].keys == ()

    @pytest.mark.parametrize(
        ("lines", "keys"),
        [
            (["e = GatherV2 t ids", "c = Relu e !zero"], ("ids",)),
            (["e = GatherV2 t ids", "r = Relu e !zero", "c = AddV2 r e"], ()),
            (["e = GatherV2 t ids", "r = Relu e !zero", "f = GatherV2 u ids", "c = AddV2 r f"], ()),
            (["m:bool = Greater ids 0", "n = Cast m", "g = MatMul n t", "c = Relu g !zero"], ("ids",)),
        ],
    )
    def test_of_integers(self, lines, keys):
        subject = flow(*lines, "loss() = Mean c", inputs=["ids:int32"], variables=["t", "u"])
        found = blocks(subject, ())
        assert (found[0].keys if found else ()) == keys

    def test_of_an_input_beside_the_loss(self):
        subject = flow(
            "h = MatMul x k", "c = Relu h !zero", "d = Tanh y", "loss() = Mean c", inputs=["x", "y"], variables=["k"]
        )
        assert blocks(subject, ())[0].keys == ("x",)


def test_numbers():
    subject = run("c = Relu h !zero", values={"h": (-5.0, -0.5), "c": "zeros"})
    (block,) = blocks(subject, ())
    assert (block.low, block.high, block.share, block.size) == (-5.0, -0.5, 1.0, 32)


def test_cancellation():
    victims = dict.fromkeys(["h", "x", "k"], "zero")
    (block,) = blocks(run("p = Tanh h", "q = Neg h", "c = AddV2 p q", gradients=victims), ())
    assert block.why is Why.CANCELLATION
    # With one consumer nothing can cancel.
    assert blocks(run("c = Tanh h", gradients=victims), ()) == ()


def test_a_mean_over_one_element():
    victims = dict.fromkeys(["h", "x", "k"], "zero")
    lines = ("h2(8,1) = GatherV2 h ids", "m(8,1) = Mean h2 !zero", "c(8,1) = Sub h2 m")
    assert [b.why for b in blocks(run(*lines, gradients=victims | {"h2": "zero"}), ())] == [Why.SINGLE_ELEMENT_DATA]
    wide = ("h2(8,4) = Sum h", "m(8,1) = Mean h2 !zero", "c(8,4) = Sub h2 m")
    assert Why.SINGLE_ELEMENT_DATA not in [b.why for b in blocks(run(*wide, gradients=victims | {"h2": "zero"}), ())]


def test_nothing_without_a_loss():
    assert blocks(run("c = Relu h !zero", loss="none"), ()) == ()


LEFT_OUT = {"inputs": ["x", "z"], "variables": ["k", "p"], "gradients": {"x": "zero", "k": "zero", "h": "zero"}}


@pytest.mark.parametrize("slicer", sorted(with_trait(Trait.SLICES)))
@pytest.mark.parametrize("joiner", sorted(with_trait(Trait.JOINS)))
def test_a_joined_part_that_a_slice_leaves_out(joiner, slicer):
    lines = ("g = MatMul z p", f"j = {joiner} h g @cat !zero,passes", "m = Mul j 2", f"c = {slicer} m @head")
    (block,) = blocks(run(*lines, **LEFT_OUT), ())
    assert (block.op.type, block.op.layer, block.why, block.inputs) == (slicer, "head", Why.LEFT_OUT, ("x",))


def test_a_joined_part_is_not_left_out_by_what_mixes_the_parts():
    lines = ("g = MatMul z p", "j = ConcatV2 h g @cat !zero,passes", "m = MatMul j p", "c = StridedSlice m @head")
    (block,) = blocks(run(*lines, **LEFT_OUT), ())
    assert (block.op.type, block.why) == ("ConcatV2", Why.OTHER)


@pytest.mark.parametrize(("zero", "why"), [("k", Why.BOUNDS), ("h", Why.CLIPPING)])
def test_the_bounds_of_a_quantizer_learn_from_what_it_clips(zero, why):
    gradients = {"h": 1.0, "x": 1.0, "k": 1.0} | ({"k": "zero"} if zero == "k" else {"h": "zero", "x": "zero"})
    line = f"c = FakeQuantWithMinMaxVars h k !{'passes,zero' if zero == 'k' else 'zero,passes'}"
    subject = flow("h = MatMul x w", line, "loss() = Mean c", inputs=["x"], variables=["w", "k"], gradients=gradients)
    assert [block.why for block in blocks(subject, ())] == [why]
