"""What gradlint runs on, in full, for a report of a bug: versions, and which rented names the libraries have."""

from __future__ import annotations

import platform
from importlib import metadata

from gradlint import version
from gradlint.errors import GradlintError

_PACKAGES = ("numpy", "h5py", "networkx", "tabulate", "grandalf")


def details() -> str:
    """Several lines; imports TensorFlow, and says so where it cannot be."""
    lines = [f"gradlint {version.__version__}", f"Python {platform.python_version()}", *_libraries()]
    lines += [f"{package} {_version(package)}" for package in _PACKAGES]
    return "\n".join([*lines, platform.platform(), "", *_rented()])


def _libraries() -> list[str]:
    from gradlint.upstream.names import installed_version
    from gradlint.upstream.starting import import_tensorflow

    try:
        import_tensorflow()
    except GradlintError as error:
        return [str(error)]
    return [" ".join(installed_version(package)) for package in ("tensorflow", "keras")]


def _rented() -> list[str]:
    """One line for each name of the table, with what is lost where it is missing."""
    from gradlint.upstream.names import RENTED, found_at

    rows = [(rented, found_at(rented)) for rented in RENTED]
    lost = [
        f"missing: {rented.name}, {rented.purpose} (since {rented.since}); without: {rented.feature}"
        for rented, place in rows
        if place is None
    ]
    found = [f"found: {rented.name} at {place}" for rented, place in rows if place is not None]
    return [f"{len(found)} of {len(rows)} private names found", *lost, *found]


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not found"
