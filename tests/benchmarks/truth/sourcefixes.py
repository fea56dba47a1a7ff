"""Whether what `--fix` makes of a case's source works: it is run, by plain TensorFlow, before and after.

What counts is what is missing: variables that a step leaves where they are, gradients that are None, or the whole run
where it raises.
"""

from __future__ import annotations

import math
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from gradlint.checking.source import source_rules
from gradlint.fixing.fixes import fixed

if TYPE_CHECKING:
    from types import ModuleType

    from tests.benchmarks.truth.cases import Case
    from tests.benchmarks.truth.scoring import Row

WAY = "`--fix --unsafe-fixes` on the source"


def tried(case: Case) -> Row | None:
    """What became of gradlint's own repair of a case's source; None where it has none, or where nothing is missing."""
    content = case.file.read_bytes()
    repaired = fixed(content, case.file.name, source_rules(), unsafe=True, is_meant=lambda finding: False).content
    if repaired == content:
        return None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, case.file.name)
        file.write_bytes(repaired)
        before, after = (_missing(each) for each in (case, replace(case, name=f"{case.name}_repaired", file=file)))
    return {"way": WAY, "works": after < before} if before else None


def _missing(case: Case) -> float:
    """How much does not arrive."""
    try:
        module = case.module()
        return _unmoved(module) if hasattr(module, "step") else _absent(module)
    except Exception:
        return math.inf


def _unmoved(module: ModuleType) -> int:
    """Trainable variables that a step leaves as they are."""
    built = module.build()
    parts: Any = built.values() if isinstance(built, dict) else built if isinstance(built, (list, tuple)) else [built]
    models = module.models(built) if hasattr(module, "models") else parts
    variables = [variable for model in models for variable in getattr(model, "trainable_variables", ())]
    before = [np.array(variable) for variable in variables]
    module.step(built, module.sample())
    return sum(np.array_equal(was, np.array(now)) for was, now in zip(before, variables, strict=True))


def _absent(module: ModuleType) -> int:
    """Gradients that are None in what `main` returns."""
    return sum(gradient is None for gradient in tf.nest.flatten(module.main()))
