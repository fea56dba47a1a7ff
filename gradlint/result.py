"""The outcome of one check: what every report and every caller reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from gradlint.finding import Finding, Severity

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Hashable, Iterable, Mapping

    import networkx as nx


class GradientState(str, Enum):
    """What the tape says of one tensor. `None` is not zero, and neither is tiny."""

    ABSENT = "absent"
    ZERO = "zero"
    FINITE = "finite"
    PRESENT = "present"
    """There is one; without values nobody knows more (`--depth structure`)."""
    NONFINITE = "non-finite"
    NOT_APPLICABLE = "n/a"
    """Integer, boolean and string tensors have no gradient by nature."""
    UNKNOWN = "unknown"
    """The check ended before the backward pass."""

    def __str__(self) -> str:
        return self.value

    @classmethod
    def of(cls, value: object) -> GradientState:
        """The state of a name; unknown for what is none."""
        try:
            return cls(value)
        except ValueError:
            return cls.UNKNOWN

    @property
    def rank(self) -> int:
        """How much is learnt from such a gradient: 0 nothing, 1 nothing because it is zero, 2 something."""
        match self:
            case GradientState.FINITE | GradientState.PRESENT | GradientState.NONFINITE:
                return 2
            case GradientState.ZERO:
                return 1
            case _:
                return 0


def stronger(states: Iterable[GradientState]) -> GradientState:
    """The state of several tensors together: one that is not finite shows, and one that is makes up for others."""
    present = set(states)
    order = (
        GradientState.NONFINITE,
        GradientState.FINITE,
        GradientState.PRESENT,
        GradientState.ZERO,
        GradientState.ABSENT,
        GradientState.NOT_APPLICABLE,
    )
    return next((state for state in order if state in present), GradientState.UNKNOWN)


STREAMS = "streams"
"""The attribute of `Result.graph` that holds its `Streams`."""


@dataclass(frozen=True, slots=True)
class Tie:
    """The tensor that passes along one edge of `Result.graph`.

    Attributes:
        gradient: what `target` hands back along the edge: never more than arrives at `target` itself.
        norm: Euclidean norm of it.
        is_refused: the operation hands nothing to this operand, whatever arrives.
    """

    source: Hashable
    target: Hashable
    gradient: GradientState
    norm: float | None
    is_refused: bool


@dataclass(frozen=True, slots=True)
class Streams:
    """How the gradient flows through the graph of a result, whose nodes are named here.

    Attributes:
        ties: the edges along which values pass; variables that are read have none.
        loss: the operations of the loss.
        arriving: the gradient that reaches each node from the loss; operations that only read a form are not in it.
        starved: nodes that no gradient reaches, behind which a trainable variable or a float input goes without.
        refusing: operations that hand nothing on to what goes without.
        unseen: those, and all that is computed from them alone: the tape does not see such values, so that what reads
            them is not where the gradient stops.
    """

    ties: tuple[Tie, ...]
    loss: frozenset[Hashable]
    arriving: Mapping[Hashable, GradientState]
    starved: frozenset[Hashable]
    refusing: frozenset[Hashable]
    unseen: frozenset[Hashable]


class LateGraph:
    """The graph of a result, made when somebody first asks for it: most readers never do.

    Args:
        make: makes it.
        layers: paths of the layers of its operations, where they are known without it.
    """

    __slots__ = ("_graph", "_layers", "_make")

    def __init__(self, make: Callable[[], nx.DiGraph[object]], layers: tuple[str, ...] | None = None) -> None:
        self._make: Callable[[], nx.DiGraph[object]] | None = make
        self._layers = layers
        self._graph: nx.DiGraph[object] | None = None

    @classmethod
    def of(cls, graph: nx.DiGraph[object]) -> LateGraph:
        """A graph that is there."""
        return cls(lambda: graph)

    @property
    def graph(self) -> nx.DiGraph[object]:
        if self._graph is None:
            assert self._make is not None
            self._graph, self._make = self._make(), None
        return self._graph

    @property
    def layers(self) -> tuple[str, ...]:
        """The paths of the layers of its operations, in order."""
        if self._layers is None:
            named = [str(data.get("layer") or "") for _, data in self.graph.nodes(data=True)]
            self._layers = tuple(dict.fromkeys(layer for layer in named if layer))
        return self._layers

    def __reduce__(self) -> tuple[object, ...]:
        return LateGraph.of, (self.graph,)


@dataclass(frozen=True, slots=True)
class InputStatus:
    """One input key of the sample.

    Attributes:
        key: the model's key of the input; the sample's own for models that declare no inputs.
        shape: shape of the array, batch axis first; None when the sample lacks the key.
        dtype: name of the array's dtype.
        gradient: state of the gradient of the loss with respect to this input.
        norm: Euclidean norm of that gradient, when it is zero or finite.
        reached: number of trainable variables whose branch this key feeds.
    """

    key: str
    shape: tuple[int | None, ...] | None
    dtype: str | None
    gradient: GradientState
    norm: float | None = None
    reached: int | None = None


@dataclass(frozen=True, slots=True)
class VariableStatus:
    """One variable of the model.

    Attributes:
        path: Keras path, such as `encoder/dense/kernel`.
        inputs: keys of the sample whose branch it is on.
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    trainable: bool
    gradient: GradientState
    norm: float | None = None
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SkippedRule:
    """A rule that did not run, or not to its end, and why."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """What a report says of a rule.

    Attributes:
        code: `GL103`.
        name: `nondifferentiable-op`.
        severity: the highest severity its findings have.
        advice: one line on what to do.
        doc: the rule's page, in Markdown with level-2 headings.
    """

    code: str
    name: str
    severity: Severity
    advice: str
    doc: str


ZERO_HERE = "every gradient is zero for this sample, though not for all perturbed ones: a larger sample tells more"
"""The note of a result whose sample lies."""


@dataclass(frozen=True, slots=True, repr=False)
class Result:
    """Everything one check found out.

    Attributes:
        target: what was checked, as the user named it.
        model: one line about the model, such as `tower_model: 12 layers, 3,201 parameters`.
        sample: one line about the sample, which says so when it was synthesised.
        loss: one line about the loss that was differentiated.
        depth: `preflight`, `structure` or `values`; how deep the check went.
        findings: in the order of the flow; of a training step the worst ones first.
        inputs: in the order of the model.
        variables: in the order of the model.
        rules: codes of the rules that ran.
        skipped: rules that did not run.
        crashed: rules that broke off with an exception, which is a bug in them: nothing is known of what they look
            for, so that the check is not `ok`.
        notes: facts about the run that a reader needs.
        unread: source files, or cells of notebooks, that could not be read, one line each; nothing is known of them.
        misfits: comments and ignores that fit no finding, one line each: they would hide the next one, so that the
            exit status is 2.
        fail_on: `error`, `warning` or `never`; decides `ok`.
        drawn: what makes `graph`.
        catalogue: what reports say of the rules that ran; those of other findings are in no catalogue.
    """

    target: str
    model: str
    sample: str
    loss: str
    depth: str
    findings: tuple[Finding, ...]
    inputs: tuple[InputStatus, ...] = ()
    variables: tuple[VariableStatus, ...] = ()
    rules: tuple[str, ...] = ()
    skipped: tuple[SkippedRule, ...] = ()
    notes: tuple[str, ...] = ()
    fail_on: str = "error"
    drawn: LateGraph | None = None
    crashed: tuple[SkippedRule, ...] = ()
    unread: tuple[str, ...] = ()
    misfits: tuple[str, ...] = ()
    catalogue: tuple[RuleInfo, ...] = field(default=(), repr=False, compare=False)

    @property
    def graph(self) -> nx.DiGraph[object] | None:
        """A networkx DiGraph of inputs, variables, operations, outputs and loss; None before recording.

        Its own attribute `STREAMS` says how the gradient flows through it.
        """
        return None if self.drawn is None else self.drawn.graph

    @property
    def ok(self) -> bool:
        """True when no finding is at or above `fail_on`, no rule crashed, and everything could be read."""
        return not self.failures and not self.is_incomplete

    @property
    def is_incomplete(self) -> bool:
        """A rule crashed, or something could not be read: that outweighs what was found."""
        return bool(self.crashed or self.unread)

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The findings at or above `fail_on`."""
        if self.fail_on == "never":
            return ()
        limit = Severity(self.fail_on).order
        return tuple(finding for finding in self.findings if finding.severity.order >= limit)

    def rule(self, code: str) -> RuleInfo | None:
        """The rule with this code; None when it did not run, or is in no catalogue."""
        return next((rule for rule in self.catalogue if rule.code == code), None)

    def advice(self, finding: Finding) -> str:
        """What to do about a finding: its own advice, or that of its rule; empty when neither is known."""
        rule = self.rule(finding.code)
        return finding.advice or (rule.advice if rule is not None else "")

    def __str__(self) -> str:
        """The report as a table."""
        return _FORMS["text"](self)

    def __repr__(self) -> str:
        """One line with the verdict."""
        return _FORMS["line"](self)

    def _repr_html_(self) -> str:
        """What a notebook shows: verdict, findings with their lines, and the picture."""
        return _FORMS["cell"](self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the result to a file whose extension says what: `.html`, `.json`, `.md`, `.svg`, ...

        Raises:
            UsageError: the extension names no report, there is no graph to draw, or the file cannot be written.
        """
        for write in _WRITERS:
            write(self, path)

    def to_json(self) -> str:
        """The result as JSON, schema 1; never contains a bare NaN or Infinity."""
        return _FORMS["json"](self)


def _name_alone(result: Result) -> str:
    return f"<gradlint.Result of {result.target}>"


_FORMS: dict[str, Callable[[Result], str]] = dict.fromkeys(("text", "json", "line", "cell"), _name_alone)
_WRITERS: list[Callable[[Result, str | os.PathLike[str]], None]] = []


def install_forms(
    *,
    text: Callable[[Result], str],
    json: Callable[[Result], str],
    line: Callable[[Result], str],
    cell: Callable[[Result], str],
    save: Callable[[Result, str | os.PathLike[str]], None],
) -> None:
    """Give results their conveniences.

    A result is upstream of the reports, which know it: `gradlint.report` hands its renderers over when it is
    imported, and `gradlint.checking`, where results come from, imports it.

    Args:
        text: the report for people.
        json: the report for programs.
        line: one line with the verdict.
        cell: what a notebook shows.
        save: writes a report to a file.
    """
    _FORMS.update(text=text, json=json, line=line, cell=cell)
    _WRITERS[:] = [save]
