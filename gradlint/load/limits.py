"""How much a file may ask for: sizes, counts and depths, each with an option to raise it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.errors import GradlintError, ModelFileError, UsageError, alike

if TYPE_CHECKING:
    from collections.abc import Iterable

STEP_FACTOR = 2
"""Weights and samples are needed at least twice: as they are, and as their gradients."""
UNKNOWN_MEMORY = 2**63 - 1
"""Where the system does not say how much memory there is, nothing is refused for its size."""
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
_SIZE = re.compile(r"(?P<number>\d{1,15}(\.\d{1,9})?) ?(?P<unit>[KMGT]I?|)B?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a model file and a sample may ask for; `--limit NAME=VALUE` raises one.

    Attributes:
        memory: bytes that weights, samples and the expanded archive may take; None for what is available.
        config: bytes of a configuration. The largest seen, with constants of 10^6 numbers, has 20 MB; as
            Python objects, a hostile one takes some twenty times its size.
        depth: levels of nesting in a configuration. Each nested model adds some eight; Python's own parser
            gives up at about 1,000.
        items: layers of a model, members of an archive, arrays of a sample, data sets of a weights file.
        ratio: how many times larger than the file an archive's member or a data set may be when it is large.
            Zeros shrink a thousandfold when compressed, real data not tenfold.
    """

    memory: int | None = None
    config: int = 32 * 2**20
    depth: int = 200
    items: int = 10_000
    ratio: int = 200

    @property
    def bytes(self) -> int:
        """The limit on memory, in bytes."""
        return available_memory() if self.memory is None else self.memory


DEFAULT_LIMITS = Limits()
NAMES = tuple(field.name for field in fields(Limits))
_SIZES = ("memory", "config")
_FORMS = {
    True: "size; give bytes, or a number with a unit: {name}=8GB, {name}=500MB, {name}=64MiB, {name}=8000000000",
    False: "whole number above 0, such as {name}=20000",
}
"""What a limit may be, for sizes and for counts."""
LARGE = 2**28
"""Bytes from which a ratio counts: less does no harm, however small it was packed."""


MOST_NAME = 2_000
"""Characters of a layer's path, or of an input's key: names are joined, and a long one is repeated by all below it."""


def limits_from(texts: Iterable[str]) -> Limits:
    """The limits that `NAME=VALUE` texts set.

    Raises:
        UsageError: a name or a value that makes no sense.
    """
    limits = Limits()
    for text in texts:
        name, _, value = text.partition("=")
        if name not in NAMES:
            known = f"choose one of {', '.join(NAMES)}{alike(name, NAMES)}"
            raise UsageError(f"--limit {text}: there is no limit {name!r}; {known}")
        number = size_from(value) if name in _SIZES else int(value) if re.fullmatch(r"\d{1,15}", value) else None
        if not number:
            raise UsageError(f"--limit {text}: {value!r} is no {_FORMS[name in _SIZES].format(name=name)}")
        limits = replace(limits, **{name: number})
    return limits


def size_from(text: str) -> int | None:
    """`8GB`, `500 MB`, `64MiB` or `1000` as bytes; None for anything else."""
    found = _SIZE.fullmatch(text.strip())
    return int(float(found["number"]) * _UNITS[found["unit"].upper()]) if found else None


def seconds_text(number: float) -> str:
    """`1 second`, `0.3 seconds`."""
    return f"{number:g} second{'' if number == 1 else 's'}"


def size_text(number: int) -> str:
    """`1.5 GB`; whatever a file claims, it stays short."""
    if number < 1000:
        return f"{number} bytes"
    for unit, size in (("kB", 10**3), ("MB", 10**6), ("GB", 10**9), ("TB", 10**12)):
        if number < 1000 * size:
            return f"{number / size:.1f} {unit}"
    return "more than 1,000 TB"


def refuse_beyond_memory(what: str, size: int, limits: Limits, error: type[GradlintError] = ModelFileError) -> None:
    """Raises for something that does not fit into memory, with what helps.

    Args:
        what: start of the message, such as `m.keras: its weights take`.
        size: bytes.
        limits: what may be taken.
        error: class of the error.
    """
    if size <= LARGE and limits.memory is None:
        return
    room = limits.bytes
    if size * STEP_FACTOR > room:
        advice = "use --depth structure, or raise" if error is ModelFileError else "give fewer examples, or raise"
        raise error(
            f"{what} {size_text(size)}, and a check needs {STEP_FACTOR} times that, more than the "
            f"{size_text(room)} {'available' if limits.memory is None else 'allowed'}; {advice} --limit memory=SIZE"
        )


def room_for_results(limits: Limits) -> int:
    """Bytes that what a run makes may take, each with a gradient of its size.

    What the system has is no limit of the user's: it has swap, and not each result has a gradient.
    """
    return max(LARGE, available_memory()) if limits.memory is None else limits.memory // STEP_FACTOR


def available_memory() -> int:
    """Bytes that this process may still take, as far as the system says.

    The least of what is free on the machine and what is left in the process's control group.
    """
    found = [size for size in (_free_on_machine(), *_left_in_group()) if size is not None]
    return min(found, default=UNKNOWN_MEMORY)


def _free_on_machine() -> int | None:
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii", errors="replace")
        if found := re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE):
            return int(found[1]) * 1024
    except OSError:
        pass
    try:  # macOS: all memory there is
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _left_in_group() -> list[int]:
    left = []
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            group = Path("/sys/fs/cgroup")
            most, taken = (int((group / name).read_text(encoding="ascii")) for name in (limit, used))
        except (OSError, ValueError):  # no control group, or one without a limit ("max")
            continue
        left.append(max(most - taken, 0))
    return left
