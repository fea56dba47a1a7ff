"""Why two training steps part: known reasons, each with the change to a step that would show it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from gradlint.comparison import Difference, Stage
from gradlint.finding import Cause

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gradlint.experiments.alterations import Alteration
    from gradlint.passes.matching import Spot
    from gradlint.passes.parting import Parting
    from gradlint.record.trail import Trail
    from gradlint.record.trailing import Walk

_MOST_NAMED = 4


@dataclass(frozen=True, slots=True)
class Proposal:
    """A reason that an experiment can confirm.

    Attributes:
        side: the step that is changed for the experiment, 0 for A and 1 for B.
        alteration: what is changed while the step runs; None where only its arguments are.
        arrays: what some of its arguments are reshaped to, by key.
        drops_weights: the step does not get its sample weights.
        setting: of the optimizer, that the step runs with instead of its own.
    """

    kind: str
    side: int
    message: str
    experiment: str
    advice: str
    alteration: Callable[[], Alteration] | None = None
    arrays: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    drops_weights: bool = False
    places: tuple[Cause, Cause] | None = None
    setting: str = ""


def proposals(walks: tuple[Walk, Walk], parting: Parting, has_weights: tuple[bool, bool]) -> tuple[Proposal, ...]:
    """The reasons that may explain where two steps part.

    Args:
        walks: of A and B.
        parting: of the two.
        has_weights: whether A and B are handed sample weights by `fit`.
    """
    a, b = walks[0].trail, walks[1].trail
    found: list[Proposal] = []
    if parting.stage in (Stage.LOSS, Stage.GRADIENT, Stage.UPDATE):
        found += _training_flags(a, b)
    if parting.stage in (Stage.LOSS, Stage.GRADIENT):
        found += [*_added_losses(a, b), *_masks(a, b), *_sample_weights(has_weights), *_labels(walks, parting)]
    if parting.stage is Stage.APPLIED:
        found += _loss_scale(walks)
    if parting.stage is Stage.UPDATE:
        found += _settings(walks)
    return tuple(found)


def _name(side: int) -> str:
    return "AB"[side]


def _training_flags(a: Trail, b: Trail) -> Iterator[Proposal]:
    from gradlint.experiments.alterations import forced_training
    from gradlint.passes.parting import paired

    of_a = {b.variables[theirs].key: a.variables[mine].key for mine, theirs in paired(a, b).items()}
    minding = [call for call in a.outermost if call.minds]
    layers: dict[bool, set[int]] = {}
    places: list[tuple[Cause, Cause]] = []
    for call in b.outermost:
        keys = {of_a.get(key, key) for key in call.keys}
        alike = [c for c in minding if c.identity == call.identity or c.keys & keys] or (
            minding if not call.keys else []
        )
        flags = {bool(c.training) for c in alike}
        if call.minds and len(flags) == 1 and flags != {bool(call.training)}:
            layers.setdefault(flags.pop(), set()).add(call.identity)
            places.append((alike[0].place, call.place))
    for flag, identities in layers.items():
        mine, theirs = ("with training=True", "without it") if flag else ("without training=True", "with it")
        yield Proposal(
            "training-flag",
            1,
            f"A calls '{places[0][0].layer}' {mine}, and B calls '{places[0][1].layer}' {theirs}: Dropout, "
            "BatchNormalization and the like do something else",
            f"B, with training={flag}",
            f"call the model with training={flag} in B",
            partial(forced_training, flag, frozenset(identities)),
            places=places[0],
        )


def _added_losses(a: Trail, b: Trail) -> Iterator[Proposal]:
    from gradlint.experiments.alterations import without_added_losses

    reads = [{owner for entry in t.recording.layer_losses if entry.is_read for owner in entry.owners} for t in (a, b)]
    adds = [{owner for entry in t.recording.layer_losses for owner in entry.owners} for t in (a, b)]
    for side, other in ((0, 1), (1, 0)):
        if reads[side] and not reads[other]:
            owners = ", ".join(f"'{owner}'" for owner in sorted(reads[side])[:_MOST_NAMED])
            yield Proposal(
                "added-losses",
                side,
                f"{_name(side)} adds the losses that layers add, or their regularisers ({owners}), and "
                f"{_name(other)} does not" + ("" if adds[other] else ": its layers add none"),
                f"{_name(side)}, without the losses of its layers",
                f"add sum(model.losses) to the loss in {_name(other)}",
                without_added_losses,
            )


def _masks(a: Trail, b: Trail) -> Iterator[Proposal]:
    from gradlint.experiments.alterations import without_masks

    for side, trail in enumerate((a, b)):
        if trail.masked:
            yield Proposal(
                "mask",
                side,
                f"the loss of {_name(side)} leaves out the steps that a mask hides, and that of {_name(1 - side)} "
                "does not",
                f"{_name(side)}, with a loss that sees no mask",
                f"multiply the losses of {_name(1 - side)} with the mask, or compute them with a keras.losses object",
                without_masks,
            )


def _sample_weights(has_weights: tuple[bool, bool]) -> Iterator[Proposal]:
    for side in (0, 1):
        if has_weights[side]:
            yield Proposal(
                "sample-weights",
                side,
                f"{_name(side)} weights the samples, and {_name(1 - side)} does not",
                f"{_name(side)}, without the sample weights",
                f"hand the sample weights to the loss in {_name(1 - side)}",
                drops_weights=True,
            )


def _labels(walks: tuple[Walk, Walk], parting: Parting) -> Iterator[Proposal]:
    """An operation that broadcasts two arrays of one size, as labels (8,) and predictions (8, 1)."""
    for side, spot in ((1, parting.second), (0, parting.first)):
        if spot is None or not spot.broadcasts:
            continue
        one, other = spot.operands
        trail = walks[side].trail
        tensors = trail.recording.tensors
        for index, key in trail.record.data.items():
            shape = tensors[index].shape
            if shape in (one, other):
                wanted = other if shape == one else one
                what = f"argument {int(key) + 1}" if key.isdigit() else f"'{key}'"
                yield Proposal(
                    "label-shape",
                    side,
                    f"in {_name(side)} labels ({what}) of shape {shape} meet predictions of shape {wanted} and "
                    f"broadcast to {spot.result}",
                    f"{_name(side)}, with {what} of shape {wanted}",
                    f"give the labels of {_name(side)} the shape of the predictions",
                    arrays={key: wanted},
                )


def _loss_scale(walks: tuple[Walk, Walk]) -> Iterator[Proposal]:
    from gradlint.experiments.alterations import without_loss_scale

    for side, walk in enumerate(walks):
        trail = walk.trail
        scales = [o.scale for o in trail.optimizers if o.scale != 1.0]
        if scales and any(update.scaled is False for update in trail.record.updates):
            yield Proposal(
                "loss-scale",
                side,
                f"the optimizer of {_name(side)} divides gradients by {scales[0]:g}, and its loss was never "
                "multiplied by that",
                f"{_name(side)}, without a loss scale",
                f"differentiate optimizer.scale_loss(loss) in {_name(side)}",
                partial(without_loss_scale, walk.optimizers),
            )


def _settings(walks: tuple[Walk, Walk]) -> Iterator[Proposal]:
    from gradlint.experiments.alterations import with_settings
    from gradlint.upstream.optimizers import setting_of

    if not walks[0].optimizers or not walks[1].optimizers:
        return
    one, other = walks[0].trail.optimizers[0], walks[1].trail.optimizers[0]
    if one.name != other.name:
        return
    for name in sorted(one.settings.keys() & other.settings.keys()):
        if one.settings[name] != other.settings[name]:
            value: Any = setting_of(walks[0].optimizers[0], name)
            yield Proposal(
                "optimizer-setting",
                1,
                f"{name} of {one.name} is {one.settings[name]} in A and {other.settings[name]} in B",
                f"B, with {name}={one.settings[name]}",
                f"give both optimizers the same {name}",
                partial(with_settings, walks[1].optimizers[0], {name: value}),
                setting=name,
            )


def scaling(parting: Parting) -> Proposal:
    """B with gradients of the size of those of A: what is behind another reduction is seen in that run."""
    from gradlint.experiments.alterations import with_scaled_gradients

    assert parting.factor
    return Proposal(
        "reduction", 1, "", "", "", alteration=partial(with_scaled_gradients, 1.0 / parting.factor, parting.call)
    )


def confirmed(proposal: Proposal, parting: Parting) -> Difference:
    """The difference that an experiment has confirmed."""
    places = proposal.places or _places(parting)
    return Difference(
        proposal.kind,
        parting.stage,
        proposal.message,
        True,
        proposal.experiment,
        proposal.advice,
        *places,
    )


def _places(parting: Parting) -> tuple[Cause, Cause]:
    return _cause(parting.first), _cause(parting.second)


def _cause(spot: Spot | None) -> Cause:
    return spot.cause if spot is not None else Cause()
