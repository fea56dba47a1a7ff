"""The benchmark of speed itself: its ratios, its lines and its plots."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks import __main__ as speed
from tests.benchmarks.fitting import signed
from tests.benchmarks.growth import KINDS, Growth, picture
from tests.benchmarks.processes import Cost, Pairs, cost


def test_the_ratio_is_the_median_over_the_pairs() -> None:
    mine = tuple(Cost(wall, 1.0, 100.0) for wall in (2.0, 9.0, 3.0))
    assert Pairs(mine, (Cost(1.0, 2.0, 50.0),) * 3).ratio("wall") == 3.0
    assert Pairs(mine, (Cost(1.0, 2.0, 50.0),) * 3).ratio("memory") == 2.0


@pytest.mark.parametrize(
    ("wall", "cpu", "memory", "holds"),
    [(1.1, 1.1, 1.1, True), (1.3, 1.1, 1.1, False), (1.1, 1.3, 1.1, False), (1.1, 1.1, 1.3, False)],
)
def test_a_bar_holds_where_clock_cpu_and_memory_hold_it(
    wall: float, cpu: float, memory: float, holds: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(speed, "made", lambda name, folder: ("m.keras", "m.npz"))
    pairs = Pairs((Cost(wall, cpu, memory),), (Cost(1.0, 1.0, 1.0),))
    monkeypatch.setattr(speed, "in_turn", lambda *_: pairs)
    (line,) = speed.compared(speed.BARS["lstm"], tmp_path, 1)
    assert line.holds is holds
    assert str(line).endswith("holds" if holds else "MISSED")
    assert f"{wall:.2f}x time, {cpu:.2f}x CPU, {memory:.2f}x memory" in str(line)
    assert ("**no**" in speed.page([line], "here")) is not holds


def test_growth_is_that_of_the_most_expensive_unit_over_the_smallest_size() -> None:
    chain = Growth(KINDS["chain"], {100: 0.010, 1000: 0.012, 3000: 0.009})
    assert chain.factor == pytest.approx(1.2)
    assert str(chain) == "100: 10.00, 1,000: 12.00, 3,000: 9.00"


def test_the_plots_show_every_size_and_the_bar() -> None:
    growths = [Growth(kind, dict.fromkeys(kind.sizes, 0.004)) for kind in KINDS.values()]
    root = ElementTree.fromstring(picture(growths))
    texts = {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {f"{size:,}" for kind in KINDS.values() for size in kind.sizes} <= texts
    dashed = [line for line in root.iter("{http://www.w3.org/2000/svg}line") if line.get("stroke-dasharray")]
    dots = list(root.iter("{http://www.w3.org/2000/svg}circle"))
    assert len(dashed) == len(growths)
    # The bar is above what is measured, which is below it by the factor that is allowed.
    assert all(float(line.get("y1", "0")) < float(dots[0].get("cy", "0")) for line in dashed)


def test_a_process_that_fails_is_no_measurement(tmp_path: Path) -> None:
    assert cost([sys.executable, "-c", "x = bytearray(50_000_000)"], tmp_path).memory > 50
    with pytest.raises(SystemExit, match="ended with 3"):
        cost([sys.executable, "-c", "raise SystemExit(3)"], tmp_path)


def test_zero_seconds_have_one_sign() -> None:
    assert [signed(seconds) for seconds in (-0.04, 0.0, 0.04, -0.06, 1.25)] == ["+0.0", "+0.0", "+0.0", "-0.1", "+1.2"]
