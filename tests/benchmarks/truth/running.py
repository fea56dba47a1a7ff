"""One case by gradlint, by plain TensorFlow and by the peers, in a process that stays for many."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING

from tests.benchmarks.truth.cases import ROOT

if TYPE_CHECKING:
    from tests.benchmarks.truth.cases import Case
    from tests.benchmarks.truth.scoring import Row


def run(case: Case, is_short: bool = False) -> Row:
    """Everything about a case; in a process of the pool."""
    sys.path[:0] = [
        folder for folder in (str(ROOT / "tests"),) if folder not in sys.path
    ]  # cases import `cases.common`
    warnings.simplefilter("ignore")
    from tests.benchmarks.truth import peers, repairs, scoring, sourcefixes, symptoms

    symptoms.fresh()
    row = scoring.scored(case)
    if not is_short and case.kind in ("steps", "sources") and row.get("found"):
        row["repair"] = sourcefixes.tried(case)
    if is_short or case.kind not in ("bugs", "programs", "healthy") or "skipped" in row:
        return row
    module = case.module()
    forms = [(module.build, scoring.sample_of(module, repaired=False))]
    if case.kind != "healthy":
        forms.append((module.fixed, scoring.sample_of(module, repaired=True)))
    steps = [symptoms.seen(*form) for form in forms]
    row["peers"] = {peer: [says(*form) for form in forms] for peer, says in peers.SAYS.items()}
    row["peers"]["tape"] = [peers.tape_said(step) for step in steps]
    if case.kind == "bugs":
        row["symptom"], row["gone"] = symptoms.shown(row["category"], *steps)
        row["repair"] = repairs.tried(*forms[0], row)
    return row
