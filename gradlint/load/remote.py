"""Models and samples that are somewhere else: fetched to a file of ours, which is then checked as any other.

The address is the user's; what is there may be a stranger's. It takes the road of every file, from preflight on.
"""

from __future__ import annotations

import contextlib
import re
import threading
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from gradlint.errors import GradlintError, ModelFileError, StoppedError, UsageError
from gradlint.load.limits import seconds_text, size_text
from gradlint.load.temporary import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.load.limits import Limits

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(::[A-Za-z][A-Za-z0-9+.-]+)*://.+", re.DOTALL)
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,10}")
_BLOCK = 1 << 20


def is_address(name: str) -> bool:
    """Whether a name is an address such as `s3://bucket/model.keras`, which fsspec reads."""
    return _ADDRESS.fullmatch(name) is not None


@contextlib.contextmanager
def fetched(address: str, limits: Limits, timeout: float | None = None) -> Iterator[str]:
    """The path of a file with what is at an address; it is gone afterwards.

    Raises:
        ModelFileError: there is no such file, or it is larger than the memory that it may ask for.
        StoppedError: it took longer than these seconds.
        UsageError: it cannot be fetched.
    """
    with temporary_folder() as folder:
        ending = PurePosixPath(address.partition("?")[0]).suffix
        file = Path(folder) / f"fetched{ending if _ENDING.fullmatch(ending) else ''}"
        failed: list[Exception] = []

        def fetch() -> None:
            try:
                _fetch(address, file, limits)
            except Exception as error:
                failed.append(error)

        # A server may never end, and what reads from it may never let Python run: only who waits can stop.
        thread = threading.Thread(target=fetch, daemon=True)
        thread.start()
        thread.join(timeout)
        if timeout is not None and thread.is_alive():
            raise StoppedError(f"{address} took more than {seconds_text(timeout)} to fetch; raise --timeout.")
        if failed:
            raise failed[0]
        yield str(file)


def _fetch(address: str, file: Path, limits: Limits) -> None:
    """Writes what is at an address to a file; the errors are those of `fetched`."""
    try:
        import fsspec
    except ImportError as error:
        raise UsageError(
            f"{address} is an address, which needs fsspec: pip install 'keras-gradlint[remote]'"
        ) from error
    try:
        system, path = fsspec.core.url_to_fs(address)
        room = limits.bytes
        with system.open(path, "rb") as source, file.open("wb") as target:
            while block := source.read(_BLOCK):
                room -= len(block)
                if room < 0:
                    raise ModelFileError(
                        f"{address} has more than {size_text(limits.bytes)}, the memory that it may ask for; "
                        "raise --limit memory=SIZE"
                    )
                target.write(block)
    except GradlintError:
        raise
    except FileNotFoundError as error:
        raise ModelFileError(f"{address} does not exist") from error
    except Exception as error:  # of whatever service it is
        reason = f"{type(error).__name__}: {error}".strip()
        raise UsageError(f"{address} cannot be fetched: {reason[:300]}") from error


@contextlib.contextmanager
def at_hand(*names: str | None, limits: Limits, timeout: float | None = None) -> Iterator[dict[str, str]]:
    """The file that each address among some names was fetched to; errors name the address."""
    with contextlib.ExitStack() as stack:
        files = {
            name: stack.enter_context(fetched(name, limits, timeout)) for name in names if name and is_address(name)
        }
        try:
            yield files
        except GradlintError as error:
            for address, file in files.items():
                error.args = tuple(str(line).replace(file, address) for line in error.args)
            raise
