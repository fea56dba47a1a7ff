"""What a rule is: a code, a name, a documented check from facts to findings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from gradlint.finding import Cause, Evidence, Finding, Severity
from gradlint.result import RuleInfo
from gradlint.severity import Certainty, severity_of

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterable

    from gradlint.passes.facts import Facts
    from gradlint.severity import Consequence
    from gradlint.source.module import Module
    from gradlint.source.values import Value
    from gradlint.upstream.names import Feature

SAMPLE, KEYS, FREEZING = "the sample", "the keys of the inputs", "what freezes the layers"
COMPILED = "the call that compiles the model"
"""What a rule may blame that is no argument of a layer."""
SECTIONS = ("What it does", "Why it matters", "Example", "What to do", "Known limits")


class Need(str, Enum):
    """What must be known before a rule can speak; what no selected rule needs is not computed."""

    VALUES = "values"
    REDUCED = "reduced values"
    """The values of all tensors, reduced, also where nothing in the run is zero, saturated or not finite."""
    PROBES = "probes"
    """Runs on perturbed samples, where the first one has zeros."""
    RETURNS = "returns"
    """From which lines layers returned, and what is read only in branches that the sample does not enter."""
    LEAKS = "leaks"
    """Whether the samples of a batch mix."""
    FUTURE_LEAKS = "future leaks"
    LABELS = "labels"
    EXPERIMENTS = "experiments"
    """Finite differences of the loss, which contradict a gradient or confirm it."""
    INPUTS = "inputs"
    """Inputs of a model, and the sample for them; a training step takes what it likes."""
    STEP = "step"
    """What a training step of the user's own did with its tapes and optimizers."""

    def __str__(self) -> str:
        return self.value


def _nothing(facts: Facts) -> Iterable[Finding]:
    return ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of the catalogue.

    Attributes:
        code: `GL103`; never reused.
        name: says what is wrong and reads well after "allow".
        loses: what is lost, at most, with what it reports.
        certainty: how far that is known, at most.
        in_models: the code under which its findings stand in the check of a model that brings the training step along:
            there what is lost counts, whatever loses it.
        advice: one line on what to do, shown under a finding.
        doc: Markdown with the five `SECTIONS` as level-2 headings.
        check: the rule itself, on what a run has shown.
        needs: what must be computed for `check`.
        since: the first release that has it.
        source: the rule on one file of Python source, for the misuses that can be seen there; nothing is run.
        rents: what it needs of the private parts of TensorFlow and Keras; without them it is skipped.
        blames: what the line to change writes: an argument of the layer (`activation`), a key of the `SAMPLE`, the
            `KEYS` under which a model takes its inputs, the `FREEZING` of layers, or where the model is `COMPILED`.
            Nothing: the line that runs, or creates, the layer.
    """

    code: str
    name: str
    loses: Consequence
    advice: str
    doc: str
    check: Callable[[Facts], Iterable[Finding]] = _nothing
    needs: frozenset[Need] = frozenset()
    since: str = "0.1.0"
    blames: str = ""
    rents: frozenset[Feature] = frozenset()
    source: Callable[[Module], Iterable[Finding]] | None = None
    certainty: Certainty = Certainty.CERTAIN
    in_models: str = ""

    @property
    def is_of_sample(self) -> bool:
        """Whether it holds the sample against the inputs of a model, and looks at nothing else."""
        return self.needs == {Need.INPUTS} and self.blames == SAMPLE

    @property
    def severity(self) -> Severity:
        """The highest severity its findings have."""
        return severity_of(self.loses, self.certainty)

    @property
    def is_of_runs(self) -> bool:
        """It has something to say of a run; the others read source only."""
        return self.check is not _nothing

    @property
    def info(self) -> RuleInfo:
        """What reports say of it."""
        return RuleInfo(self.code, self.name, self.severity, self.advice, self.doc.strip())

    def finding(
        self,
        message: str,
        *,
        severity: Severity | None = None,
        inputs: tuple[str, ...] = (),
        variables: tuple[str, ...] = (),
        cause: Cause | None = None,
        evidence: Evidence | None = None,
        position: int = -1,
        advice: str = "",
    ) -> Finding:
        """A finding of this rule; its severity and its advice unless others are given."""
        return Finding(
            self.code,
            self.name,
            severity or self.severity,
            message,
            inputs,
            variables,
            cause or Cause(),
            evidence or {},
            position,
            advice,
        )

    def in_source(self, module: Module, value: Value, message: str, severity: Severity | None = None) -> Finding:
        """A finding of this rule at a value of a source file; its column, from 1, is evidence."""
        from gradlint.source.identity import position

        line, column = position(value)
        return self._at(module, (line, column), message, severity, value.order)

    def at_node(self, module: Module, node: ast.expr, message: str, severity: Severity | None = None) -> Finding:
        """As `in_source`, at a part of the file's syntax tree."""
        return self._at(module, (node.lineno, node.col_offset + 1), message, severity, node.lineno)

    def _at(
        self, module: Module, place: tuple[int, int], message: str, severity: Severity | None, order: int
    ) -> Finding:
        line, column = place
        return self.finding(
            message,
            severity=severity,
            cause=Cause(file=module.path, line=line),
            evidence={"column": column},
            position=order,
        )
