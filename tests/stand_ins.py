"""Stand-ins for TensorFlow and Keras in another process, for tests of the process: they take no time to import.

They do until a factory of the user's is called: nobody may ask them for private names, and they draw no numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TENSORFLOW = """
import contextlib, sys, types
import gradlint.upstream.starting as starting

starting.require_known_versions = lambda: None
sys.modules["gradlint.upstream.restoring"] = types.SimpleNamespace(seeded=lambda seed: contextlib.nullcontext())
"""
KERAS = """
class backend:
    backend = staticmethod(lambda: "tensorflow")

Model = list
"""


def write_stand_ins(folder: Path, more: str = "") -> None:
    """Write both into a folder; `more` is run when TensorFlow is imported."""
    folder.mkdir(exist_ok=True)
    (folder / "tensorflow.py").write_text(TENSORFLOW + more)
    (folder / "keras.py").write_text(KERAS)
