from __future__ import annotations

import pytest
from flows import flow

from gradlint.flow import Flow
from gradlint.passes.elements import starved


def quantized(cutting="r = Round d !none", *more, **options):
    """A kernel that is rounded, and multiplied by a scale taken of it."""
    options = {"inputs": ["x"], "variables": ["k"]} | options
    return flow(
        "s = Max k @quant",
        "d = RealDiv k s @quant",
        f"{cutting} @quant :20",
        *more,
        "w = Mul r s @quant",
        "h = MatMul x w @quant",
        "-- loss",
        "loss() = Mean h",
        gradients={"k": 0.1, "s": 0.1},
        **options,
    )


def found(subject, answer=(1, 32)):
    asked = []

    def elements(positions, path, tensor):
        asked.append(path)
        return answer

    return [
        (cut.op.type, cut.op.line, [v.path for v in cut.variables], cut.elements) for cut in starved(subject, elements)
    ], asked


def test_is_where_the_weights_are_rounded():
    assert found(quantized()) == ([("Round", 20, ["k"], (1, 32, 32))], ["k"])


@pytest.mark.parametrize("answer", [None, (9, 32), (1, 15)], ids=["resting", "a quarter learns", "let through in vain"])
def test_the_experiment_decides(answer):
    assert found(quantized(), answer) == ([], ["k"])


@pytest.mark.parametrize(
    "cutting",
    ["r = Round d !passes", "r = StopGradient d", "r:bool = Greater d s !none,none", "r:int64 = ArgMax d !none"],
    ids=["nothing is cut", "stopped", "a mask", "an index"],
)
def test_nothing_is_tried_where_nothing_is_rounded(cutting):
    assert found(quantized(cutting)) == ([], [])


def test_nothing_is_tried_where_inputs_have_a_say():
    assert found(quantized("r = Round e !none", inputs=["x", "e"])) == ([], [])


def test_the_way_of_a_kernel_ends_where_data_comes_in(monkeypatch):
    """Else every kernel would look at all that comes after it."""

    def seen(number):
        layers = [f"h{n + 1} = MatMul h{n} k{n}" for n in range(number)]
        subject = flow(
            *layers, "-- loss", f"loss() = Mean h{number}", inputs=["h0"], variables=[f"k{n}" for n in range(number)]
        )
        walks, original = [], Flow.descendants
        with monkeypatch.context() as patch:
            patch.setattr(Flow, "descendants", lambda *given: walks.append(original(*given)) or walks[-1])
            assert list(starved(subject, lambda *_: None)) == []
        return [len(walk) for walk in walks]

    assert len(seen(40)) == 40
    assert max(seen(40)) == max(seen(4))
