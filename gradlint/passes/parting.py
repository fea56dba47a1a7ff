"""Where two runs of training steps part: the first values, gradients or updates that are not the same."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from typing import TYPE_CHECKING

from gradlint.comparison import Stage
from gradlint.finding import Cause
from gradlint.passes.matching import OF_GRADIENT, Spot, Ways, last_parting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gradlint.record.step_record import AskedSource, GradientCall
    from gradlint.record.trail import Print, Trail, VariableTrail

# Relative distances that do not count.
_OF_LOSS = 5e-5
_OF_UPDATE = 2e-2

# A gradient below this share of the largest one is the noise of a sum that is zero.
_NOISE = 1e-5


@dataclass(frozen=True, slots=True)
class Parting:
    """The first thing that is not the same.

    Attributes:
        variables: those concerned, by their positions in the two trails; -1 where a step has none.
        factor: what everything that parts is multiplied with in B, if it is one number.
        swapped: pairs of positions in A: the variable, and the one whose gradient it gets in B.
        states: of the gradients in A and B where it is not the values that part.
        agree: how many values in B the other step has as well.
        call: the gradient call of B that parts.
    """

    stage: Stage
    first: Spot | None = None
    second: Spot | None = None
    variables: tuple[tuple[int, int], ...] = ()
    factor: float | None = None
    swapped: tuple[tuple[int, int], ...] = ()
    states: tuple[str, str] = ("", "")
    agree: int = 0
    call: int = 0

    def is_after(self, other: Parting) -> bool:
        """Whether the runs agree further here than there."""
        if self.stage is not other.stage:
            return self.stage.order > other.stage.order
        if other.factor is None and self.factor is not None:
            return True
        return self.factor is None and self.agree > other.agree


def paired(a: Trail, b: Trail) -> dict[int, int]:
    """The variable of B that stands for each one of A, by their positions.

    Two steps of one model share its variables. Of two models, those of one form are paired in their order.
    """
    shared = {variable.key: place for place, variable in enumerate(b.variables)}
    found = {place: shared[variable.key] for place, variable in enumerate(a.variables) if variable.key in shared}
    mine = [place for place in range(len(a.variables)) if place not in found]
    theirs = [place for place in range(len(b.variables)) if place not in set(found.values())]
    forms = [_form(a.variables[place]) for place in mine], [_form(b.variables[place]) for place in theirs]
    for block in SequenceMatcher(None, *forms, autojunk=False).get_matching_blocks():
        for offset in range(block.size):
            found[mine[block.a + offset]] = theirs[block.b + offset]
    return found


def _form(variable: VariableTrail) -> tuple[str, tuple[int, ...], bool]:
    return variable.path.rpartition("/")[2], variable.shape, variable.is_seed


def unequal(a: Trail, b: Trail, pairs: Mapping[int, int]) -> tuple[int, ...]:
    """Positions in A of the variables that have another value in B before the step; seeds do not count."""
    return tuple(
        mine
        for mine, theirs in pairs.items()
        if not a.variables[mine].is_seed and not a.variables[mine].before.is_like(b.variables[theirs].before, 1e-6)
    )


def parting(a: Trail, b: Trail) -> Parting | None:
    """The first thing in which two runs are not the same; None where all of it is."""
    return _Comparer(a, b).parting()


def number_of_same(a: Trail, b: Trail) -> dict[str, int]:
    """How much of two runs is the same: values on the way to the losses, gradients, variables."""
    return _Comparer(a, b).numbers()


class _Comparer:
    def __init__(self, a: Trail, b: Trail) -> None:
        self.a, self.b = a, b
        self.pairs = paired(a, b)
        self._of_a = {v.key: place for place, v in enumerate(a.variables)}
        self._of_b = {v.key: place for place, v in enumerate(b.variables)}

    @cached_property
    def calls(self) -> list[tuple[int, int]]:
        """The gradient calls of A and B that ask for the same variables, in the order of A."""
        free = {number: self._asked(self.b, number) for number in range(len(self.b.record.calls))}
        found = []
        for mine in range(len(self.a.record.calls)):
            asked = {self.pairs.get(place, -1) for place in self._asked(self.a, mine)} - {-1}
            best = max(free, key=lambda theirs: (len(free[theirs] & asked), -theirs), default=None)
            if best is not None and free[best] & asked:
                found.append((mine, best))
                del free[best]
        return found

    def _asked(self, trail: Trail, number: int) -> set[int]:
        places = self._of_a if trail is self.a else self._of_b
        keys = self._keys(trail)
        return {places[keys[s.variable]] for s in trail.record.calls[number].sources if keys.get(s.variable) in places}

    def _keys(self, trail: Trail) -> dict[str, int]:
        return {variable.path: variable.key for variable in trail.variables}

    def parting(self) -> Parting | None:
        for mine, theirs in self.calls:
            found = self._of_loss(mine, theirs) or self._of_gradients(mine, theirs)
            if found is not None:
                return found
        return self._of_applied() or self._of_updates()

    def numbers(self) -> dict[str, int]:
        values = 0
        for mine, theirs in self.calls:
            one = Ways(self.a, self.a.record.calls[mine].targets)
            values += len(one.twins(Ways(self.b, self.b.record.calls[theirs].targets)))
        gradients = sum(len(self._answers(mine, theirs)) for mine, theirs in self.calls)
        variables = sum(1 for mine in self.pairs if self.a.variables[mine].trainable)
        return {"values": values, "gradients": gradients, "variables": variables}

    # -- losses ----------------------------------------------------------------------------------------

    def _of_loss(self, mine: int, theirs: int) -> Parting | None:
        first, second = self.a.record.calls[mine], self.b.record.calls[theirs]
        one, other = self._target(self.a, mine), self._target(self.b, theirs)
        if one is None or other is None or one.is_like(other, _OF_LOSS):
            return None
        if one.size != other.size and self._totals_agree(mine, theirs):
            return None  # A tape sums what it is asked to differentiate.
        factor = self._factor(mine, theirs)
        if factor is not None and abs(factor - 1.0) <= OF_GRADIENT:
            return None  # What is added to the loss has no gradient.
        ways, others = Ways(self.a, first.targets), Ways(self.b, second.targets)
        twins, back = ways.twins(others), others.twins(ways)
        return Parting(
            Stage.LOSS,
            ways.frontier(first.targets, twins),
            others.frontier(second.targets, back),
            factor=factor,
            agree=len(back),
            call=theirs,
        )

    def _target(self, trail: Trail, number: int) -> Print | None:
        targets = [index for index in trail.record.calls[number].targets if index in trail.prints]
        return trail.prints[targets[0]].times(1.0 / trail.scales[number]) if len(targets) == 1 else None

    def _totals_agree(self, mine: int, theirs: int) -> bool:
        pairs = self._answers(mine, theirs).values()
        return bool(pairs) and all(
            one is not None and other is not None and one.is_like(other, OF_GRADIENT) for one, other in pairs
        )

    # -- gradients -------------------------------------------------------------------------------------

    def _answers(self, mine: int, theirs: int) -> dict[tuple[int, int], tuple[Print | None, Print | None]]:
        """The gradients that both calls give, by the positions of the variable in A and B."""
        one, other = self._by_variable(self.a, mine), self._by_variable(self.b, theirs)
        return {
            (place, self.pairs[place]): (one[place][1], other[self.pairs[place]][1])
            for place in one
            if self.pairs.get(place) in other
        }

    def _by_variable(self, trail: Trail, number: int) -> dict[int, tuple[AskedSource, Print | None]]:
        places, keys = (self._of_a if trail is self.a else self._of_b), self._keys(trail)
        found = {}
        for place, source in enumerate(trail.record.calls[number].sources):
            if keys.get(source.variable) in places:
                answer = trail.answers.get((number, place))
                scaled = answer.times(1.0 / trail.scales[number]) if answer is not None else None
                found[places[keys[source.variable]]] = (source, scaled)
        return found

    def _factor(self, mine: int, theirs: int) -> float | None:
        """The one number that all gradients of A have to be multiplied with to give those of B."""
        pairs = [(one, other) for one, other in self._answers(mine, theirs).values() if one and other]
        largest = max((one.norm for one, _ in pairs), default=0.0)
        ratios = [one.ratio(other) for one, other in pairs if one.norm > _NOISE * largest]
        if not ratios or any(ratio is None for ratio in ratios):
            return None
        known = [ratio for ratio in ratios if ratio is not None]
        return known[0] if max(known) - min(known) <= OF_GRADIENT * abs(known[0]) else None

    def _of_gradients(self, mine: int, theirs: int) -> Parting | None:
        first, second = self._by_variable(self.a, mine), self._by_variable(self.b, theirs)
        answers = self._answers(mine, theirs)
        factor = self._factor(mine, theirs)
        largest = max((p.norm for pair in answers.values() for p in pair if p is not None), default=0.0)
        parted = []
        for places, (one, other) in answers.items():
            if (one is None) != (other is None) or (
                one is not None and other is not None and not one.is_like(other, OF_GRADIENT, _NOISE * largest)
            ):
                parted.append(places)
        if parted:
            one, other = answers[parted[0]]
            one_spot, other_spot = self._backward(mine, theirs)
            states = (_state(one), _state(other))
            agree = len(answers) - len(parted)
            whole = factor if factor is not None and abs(factor - 1) > OF_GRADIENT else None
            return Parting(
                Stage.GRADIENT, one_spot, other_spot, tuple(parted), whole, states=states, agree=agree, call=theirs
            )
        unasked = [(p, -1) for p in first if self.pairs.get(p) not in second and first[p][1] is not None]
        strange = [(-1, p) for p in second if p not in set(self.pairs.get(q) for q in first) and second[p][1]]
        for missing, state in ((unasked, ("asked for", "not asked for")), (strange, ("not asked for", "asked for"))):
            if missing and not self._asked_elsewhere(missing):
                first_spot, second_spot = _spot_of(self.a.record.calls[mine]), _spot_of(self.b.record.calls[theirs])
                return Parting(
                    Stage.GRADIENT, first_spot, second_spot, tuple(missing), states=state, agree=len(answers)
                )
        return None

    def _asked_elsewhere(self, missing: list[tuple[int, int]]) -> bool:
        """Whether another call of the step asks for them."""
        theirs = set().union(*(self._asked(self.b, n) for n in range(len(self.b.record.calls))), set())
        mine = set().union(*(self._asked(self.a, n) for n in range(len(self.a.record.calls))), set())
        back = {other: one for one, other in self.pairs.items()}
        return all((self.pairs.get(one) in theirs) if one >= 0 else (back.get(other) in mine) for one, other in missing)

    def _backward(self, mine: int, theirs: int) -> tuple[Spot | None, Spot | None]:
        """The first operation, on the way back from the loss, that hands on another gradient; else the calls."""
        first, second = self.a.record.calls[mine], self.b.record.calls[theirs]
        ways, others = Ways(self.a, first.targets), Ways(self.b, second.targets)
        twins, back = ways.twins(others), others.twins(ways)
        spots = [
            last_parting(trail, number, pairs, other) or _spot_of(call)
            for trail, number, pairs, other, call in (
                (self.a, mine, twins, self.b, first),
                (self.b, theirs, back, self.a, second),
            )
        ]
        return spots[0], spots[1]

    # -- what optimizers get ---------------------------------------------------------------------------

    def _applied(self, trail: Trail) -> dict[int, tuple[Print | None, int]]:
        """What optimizers make of the gradient of each variable, and the number of the update."""
        keys, places = self._keys(trail), (self._of_a if trail is self.a else self._of_b)
        found = {}
        for number, update in enumerate(trail.record.updates):
            for place, pair in enumerate(update.pairs):
                if keys.get(pair.variable) in places:
                    found[places[keys[pair.variable]]] = (trail.applied.get((number, place)), number)
        return found

    def _of_applied(self) -> Parting | None:
        first, second = self._applied(self.a), self._applied(self.b)
        if not first or not second:
            return None
        largest = max((p.norm for p, _ in (*first.values(), *second.values()) if p is not None), default=0.0)
        parted = []
        for place, (one, number) in first.items():
            theirs = self.pairs.get(place)
            if theirs is None:
                continue
            other, where = second.get(theirs, (None, -1))
            if one is not None and (other is None or not one.is_like(other, OF_GRADIENT, _NOISE * largest)):
                parted.append((place, theirs, one, other, number, where))
        if not parted:
            return None
        ratios = [one.ratio(other) if other is not None else None for _, _, one, other, _, _ in parted]
        known = [ratio for ratio in ratios if ratio is not None]
        is_whole = len(known) == len(ratios) and max(known) - min(known) <= OF_GRADIENT * abs(known[0])
        swapped = []
        for place, _, _, other, _, _ in parted:
            owners = [q for q, (p, _) in first.items() if q != place and p and other and p.is_like(other, OF_GRADIENT)]
            swapped += [(place, owners[0])] if owners else []
        number, where = parted[0][4], max(parted[0][5], 0)
        is_swapped = len(swapped) == len(parted)
        first_spot, second_spot = (None, None) if is_swapped else self._changing(*parted[0][:2], number, where)
        return Parting(
            Stage.APPLIED,
            first_spot or _spot_of_update(self.a, number),
            second_spot or _spot_of_update(self.b, where),
            tuple((place, theirs) for place, theirs, *_ in parted),
            known[0] if is_whole else None,
            tuple(swapped) if is_swapped else (),
            states=(_state(parted[0][2]), _state(parted[0][3])),
            agree=len(first) - len(parted),
        )

    def _changing(self, mine: int, theirs: int, number: int, where: int) -> tuple[Spot | None, Spot | None]:
        """The first operations between tapes and optimizers that the other step does not have."""
        ways, others = (Ways(t, _gradients(t, n)) for t, n in ((self.a, number), (self.b, where)))
        one = _gradients(self.a, number, self.a.variables[mine].path)
        other = _gradients(self.b, where, self.b.variables[theirs].path)
        return ways.frontier(one, ways.twins(others)), others.frontier(other, others.twins(ways))

    # -- what becomes of variables ---------------------------------------------------------------------

    def _of_updates(self) -> Parting | None:
        first, second = self._applied(self.a), self._applied(self.b)
        largest = max((p.norm for p, _ in first.values() if p is not None), default=0.0)
        parted = []
        for mine, theirs in self.pairs.items():
            one, other = self.a.variables[mine], self.b.variables[theirs]
            slope = first.get(mine, (None, 0))[0]
            if one.is_seed or (slope is not None and slope.norm <= _NOISE * largest):
                continue  # Of noise an optimizer that divides by its size makes a whole step.
            floor = 1e-6 * max(one.before.norm, 1e-3)
            if not one.moved.is_like(other.moved, _OF_UPDATE, floor):
                parted.append((mine, theirs))
        if not parted:
            return None
        mine, theirs = parted[0]
        number, where = (rows.get(place, (None, -1))[1] for rows, place in ((first, mine), (second, theirs)))
        trained = any(self.a.variables[one].trainable for one, _ in parted)
        return Parting(
            Stage.UPDATE,
            _spot_of_update(self.a, number) if trained and number >= 0 else None,
            _spot_of_update(self.b, where) if trained and where >= 0 else None,
            tuple(parted),
            states=(_moved(self.a.variables[mine]), _moved(self.b.variables[theirs])),
            agree=len(self.pairs) - len(parted),
        )


def _gradients(trail: Trail, number: int, path: str | None = None) -> list[int]:
    """The gradients that an update gets, or those of one variable."""
    pairs = trail.record.updates[number].pairs
    return [pair.gradient for pair in pairs if path in (None, pair.variable) and pair.gradient is not None]


def _moved(variable: VariableTrail) -> str:
    return "moves" if variable.moved.norm else "stays"


def _state(answer: Print | None) -> str:
    if answer is None:
        return "None"
    if answer.nonfinite:
        return "not finite"
    return "finite" if answer.norm else "zero"


def _spot_of(call: GradientCall) -> Spot:
    frame = call.frames[0] if call.frames else None
    return Spot(-1, Cause(None, call.kind, frame.file if frame else None, frame.line if frame else None))


def _spot_of_update(trail: Trail, number: int) -> Spot | None:
    if number >= len(trail.record.updates):
        return None
    update = trail.record.updates[number]
    frame = update.frames[0] if update.frames else None
    return Spot(-1, Cause(None, update.optimizer, frame.file if frame else None, frame.line if frame else None))
