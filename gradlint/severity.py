"""How loud a finding is: one table, from what is lost and how certain that is."""

from __future__ import annotations

from enum import Enum

from gradlint.finding import Severity


class Consequence(Enum):
    """What is lost; the value is its row in the table of the documents."""

    NOTHING_LEARNS = "nothing that should learn gets a usable gradient, or the loss cannot move"
    BRANCH = "a whole branch: an input and everything trainable that only it feeds"
    VARIABLES = "trainable variables: cut by an operation, never called, untracked, detached by a detour"
    FAILS = "everything: the model cannot take the sample, or takes something else than is meant"
    MISLED = "what was asked for: rows, classes, values or steps are learned that do not belong together"
    UNHEARD = (
        "trainable variables whose result counts for nothing: computed and dropped, an output that no loss reads, "
        "a part beside an open path"
    )
    HINDERED = "no gradient, but its size, the form of the weights or the loss hinders learning"
    INPUT = "an input alone, with nothing trainable behind it"
    HANDED_OVER = (
        "an input alone, by an explicit `stop_gradient`, as ids that become indices, or in a library's augmentation "
        "and preprocessing"
    )
    HEALS = "zeros that an update, another sample or another branch of the code heals"
    INTENDED = "what the user compiled so (loss None, weight 0), or what copies, schedules and mathematics explain"
    NOTHING = "nothing that learns: a remark"


class Certainty(Enum):
    """How far what is lost is known to be lost; the value heads a column of the table of the documents."""

    CERTAIN = "by form, or confirmed by every experiment"
    IN_SAMPLE = "in this sample only, or as far as it could be tried"


SEVERITIES: dict[Consequence, tuple[Severity, Severity]] = {
    Consequence.NOTHING_LEARNS: (Severity.ERROR, Severity.WARNING),
    Consequence.BRANCH: (Severity.ERROR, Severity.WARNING),
    Consequence.VARIABLES: (Severity.ERROR, Severity.WARNING),
    Consequence.FAILS: (Severity.ERROR, Severity.WARNING),
    Consequence.MISLED: (Severity.ERROR, Severity.WARNING),
    Consequence.UNHEARD: (Severity.WARNING, Severity.INFO),
    Consequence.HINDERED: (Severity.WARNING, Severity.INFO),
    Consequence.INPUT: (Severity.WARNING, Severity.INFO),
    Consequence.HANDED_OVER: (Severity.INFO, Severity.INFO),
    Consequence.HEALS: (Severity.INFO, Severity.INFO),
    Consequence.INTENDED: (Severity.INFO, Severity.INFO),
    Consequence.NOTHING: (Severity.INFO, Severity.INFO),
}
"""For each consequence the severity by certainty, in the order of `Certainty`."""


def severity_of(consequence: Consequence, certainty: Certainty = Certainty.CERTAIN) -> Severity:
    """How much it matters that this is lost."""
    return SEVERITIES[consequence][list(Certainty).index(certainty)]
