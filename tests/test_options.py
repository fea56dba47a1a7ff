"""One noun says what the options are: everything that restates them must agree with it."""

from __future__ import annotations

import inspect
import json

import pytest

from gradlint import cli
from gradlint.checking import check
from gradlint.errors import UsageError
from gradlint.load.limits import DEFAULT_LIMITS
from gradlint.options import DEFAULTS, KEYS, SETTINGS, Options, Settings


def test_check_takes_each_option_with_its_default() -> None:
    of_sample = ("model", "sample", "labels", "x", "y", "sample_weight", "class_weight", "of_fit")
    parameters = [each for name, each in inspect.signature(check).parameters.items() if name not in of_sample]
    said = {parameter.name: parameter.default for parameter in parameters}
    assert set(said) == set(Options.__dataclass_fields__)
    assert said.pop("limits") is DEFAULT_LIMITS
    for name, default in said.items():
        assert (default or None) == (getattr(Options(), name) or None), name


def test_the_command_line_has_each_setting_with_its_default() -> None:
    parsed = vars(cli.parser.parser_of_options().parse_args([]))
    assert {name: tuple(parsed[name]) if isinstance(parsed[name], list) else parsed[name] for name in SETTINGS} == (
        DEFAULTS
    )


def test_the_configuration_has_each_setting() -> None:
    assert sorted(KEYS.values()) == sorted(SETTINGS)


def test_the_request_to_another_process_is_json_and_comes_back() -> None:
    said = Settings(
        {
            "targets": ((None, "y"), ("head", "z")),
            "mapping": (("a", "left"),),
            "thresholds": (("trend-orders", 3.0),),
            "select": ("GL1",),
            "seed": 7,
        }
    )
    arguments = said.arguments()
    assert json.loads(json.dumps(arguments)) == arguments
    assert set(arguments) == set(SETTINGS)
    assert arguments["mapping"] == {"a": "left"}


def test_two_ways_to_say_the_same_give_the_same_request() -> None:
    assert Settings({"seed": 0, "depth": "values"}).arguments() == Settings().arguments()


def test_the_higher_rank_wins_and_thresholds_are_joined() -> None:
    lower = Settings({"seed": 1, "loss": "mse", "thresholds": (("trend-orders", 3.0), ("saturated-share", 0.5))})
    both = Settings({"seed": 2, "thresholds": (("trend-orders", 9.0),)}).over(lower)
    assert both.options.seed == 2
    assert both.options.loss == "mse"
    assert dict(both.options.thresholds) == {"trend-orders": 9.0, "saturated-share": 0.5}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": "deep"}, "depth must be one of preflight, structure, values, not 'deep'"),
        ({"mode": "test"}, "mode must be one of training, inference, not 'test'"),
        ({"fail_on": "info"}, "fail_on must be one of error, warning, never, not 'info'"),
        ({"probes": -1}, "probes must be a whole number from 0 to 4294967295, not -1"),
        ({"probes": "3"}, "probes must be a whole number from 0 to 4294967295, not '3'"),
        ({"seed": 1.5}, "seed must be a whole number from 0 to 4294967295, not 1.5"),
        ({"seed": 2**40}, f"seed must be a whole number from 0 to 4294967295, not {2**40}"),
        ({"batch": True}, "batch must be a whole number from 1 to 4294967295, not True"),
        ({"batch": 0}, "batch must be a whole number from 1 to 4294967295, not 0"),
        ({"thresholds": (("trend-order", 1.0),)}, "did you mean trend-orders"),
    ],
)
def test_values_that_make_no_sense_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Options(**options)


def test_axes_of_causal_inputs() -> None:
    assert Options(causal=("tokens", "frames:2", "a:b")).causal_axes == (("tokens", 1), ("frames", 2), ("a:b", 1))
