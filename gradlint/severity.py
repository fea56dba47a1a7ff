"""How loud a finding is: one table, from what is lost and how certain that is."""

from __future__ import annotations

from enum import Enum

from gradlint.finding import Severity


class Consequence(Enum):
    """What is lost; the value is its row in the table of the documents."""

    NOTHING_LEARNS = "nothing that should learn gets a usable gradient, or the loss cannot move"
    BRANCH = "a whole branch: an input and everything trainable that only it feeds"
    VARIABLES = "trainable variables: cut by an operation, never called, untracked, detached by a detour"
    UNHEARD = (
        "trainable variables whose result counts for nothing: computed and dropped, an output that no loss reads, "
        "a part beside an open path"
    )
    INPUT = "an input alone, with nothing trainable behind it"
    HANDED_OVER = (
        "an input alone, by an explicit `stop_gradient`, as ids that become indices, or in a library's augmentation "
        "and preprocessing"
    )
    HEALS = "zeros that an update, another sample or another branch of the code heals"
    INTENDED = "what the user compiled so (loss None, weight 0), or what copies, schedules and mathematics explain"


class Certainty(Enum):
    """How far what is lost is known to be lost; the value heads a column of the table of the documents."""

    CERTAIN = "by form, or confirmed by every experiment"
    IN_SAMPLE = "in this sample only"


SEVERITIES: dict[Consequence, tuple[Severity, Severity]] = {
    Consequence.NOTHING_LEARNS: (Severity.ERROR, Severity.WARNING),
    Consequence.BRANCH: (Severity.ERROR, Severity.WARNING),
    Consequence.VARIABLES: (Severity.ERROR, Severity.WARNING),
    Consequence.UNHEARD: (Severity.WARNING, Severity.INFO),
    Consequence.INPUT: (Severity.WARNING, Severity.INFO),
    Consequence.HANDED_OVER: (Severity.INFO, Severity.INFO),
    Consequence.HEALS: (Severity.INFO, Severity.INFO),
    Consequence.INTENDED: (Severity.INFO, Severity.INFO),
}
"""For each consequence the severity by certainty, in the order of `Certainty`."""


def severity_of(consequence: Consequence, certainty: Certainty = Certainty.CERTAIN) -> Severity:
    """How much it matters that this is lost."""
    return SEVERITIES[consequence][list(Certainty).index(certainty)]
