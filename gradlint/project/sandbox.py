"""What the process of a stranger's model does without: other processes, the network, a core file, addresses.

Each bound holds where the system knows it; SECURITY.md says what is promised.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.load.limits import UNKNOWN_MEMORY

if TYPE_CHECKING:
    from typing import NoReturn

ADDRESSES = 6 * 2**30
"""Address space beyond the limit on memory: TensorFlow's libraries, and what allocators reserve and never touch."""
ADDRESSES_PER_CORE = 128 * 2**20
"""A thread's stack, and the arena that glibc reserves for it."""


def bound(memory: int) -> None:
    """Leave the network and the other processes, write no core, and ask for no more than this memory."""
    if sys.platform.startswith("linux"):
        _control(38, 1)  # PR_SET_NO_NEW_PRIVS: who gained the rights of another user could not be ended
        if _leave_network_and_processes():
            _become_a_child()
        else:
            _watch_a_child()
    _no_core()
    _bound_addresses(memory)


def die_with_parent(parent: int | None = None, number: int = signal.SIGKILL) -> None:
    """On Linux, a parent that is killed takes its child along.

    Args:
        parent: the process that started this one, which may have ended before it could ask for that.
        number: the signal that this one is sent then.
    """
    if not sys.platform.startswith("linux"):
        return
    _control(1, number)  # PR_SET_PDEATHSIG
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def _control(option: int, value: int) -> None:
    """Calls prctl(2)."""
    with contextlib.suppress(Exception):
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _leave_network_and_processes() -> bool:
    """Where users may make namespaces: a network of its own, without any interface, and processes of its own.

    True when the next process that is started is the first of them.
    """
    has_processes = False
    with contextlib.suppress(Exception):
        import ctypes

        user, group = os.getuid(), os.getgid()
        unshare = ctypes.CDLL(None).unshare
        # CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWPID
        has_processes = unshare(0x10000000 | 0x40000000 | 0x20000000) == 0
        if not has_processes and unshare(0x10000000 | 0x40000000) != 0:
            return False
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            Path(f"/proc/self/{name}").write_text(text, encoding="ascii")
    return has_processes


def _become_a_child() -> None:
    """Go on as a grandchild, in a namespace whose processes all end with its first one, in whatever session they are.

    The first ends when the grandchild does, and this process ends as the grandchild did. No thread runs yet.
    """
    ended, told = os.pipe()
    if first := os.fork():
        os.close(told)
        with open(ended, "rb") as stream:
            said = stream.read()  # also empty when everything was killed at once
        os.waitpid(first, 0)
        _end_as(int(said or b"9"))
    die_with_parent()
    os.close(ended)
    # The first process of a namespace is sent no signal that it does not ask for, not even its own: it only waits.
    if second := os.fork():
        status = _waited_for(second)
        os.write(told, str(status).encode())
        os._exit(0)
    os.close(told)
    die_with_parent()


def _watch_a_child() -> None:
    """Go on as a child, with which everything that it started ends, in whatever session that is.

    This process is made the parent of those whose own has ended, and ends them; then it ends as the child did. When its
    own parent ends it or is killed, it ends them as well. It cannot when it is killed itself. No thread runs yet.
    """

    def end(*_: object) -> NoReturn:
        _end_children()
        os._exit(1)

    parent, own = os.getppid(), os.getpid()
    _control(36, 1)  # PR_SET_CHILD_SUBREAPER
    signal.signal(signal.SIGTERM, end)
    if child := os.fork():
        die_with_parent(number=signal.SIGTERM)
        if os.getppid() != parent:
            end()
        status = _waited_for(child)
        _end_children()
        _end_as(status)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    die_with_parent(own)


def _waited_for(child: int) -> int:
    """The status with which a child ends; those whose parents have ended are waited for as well."""
    while True:
        process, status = os.wait()
        if process == child:
            return status


def _end_children() -> None:
    """Ends the children of this process, and theirs, which become its own by that."""
    while children := _children():
        for child in children:
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
        for child in children:
            with contextlib.suppress(OSError):
                os.waitpid(child, 0)


def _children() -> list[int]:
    own = os.getpid()
    try:  # in one look: who starts another and ends, over and over, shall not get away
        return [int(number) for number in Path(f"/proc/self/task/{own}/children").read_text("ascii").split()]
    except OSError:  # the kernel was built without it
        processes = filter(str.isdecimal, os.listdir("/proc"))
        return [int(process) for process in processes if _parent_of(process) == own]


def _parent_of(process: str) -> int:
    try:  # `number (any name) state parent ...`
        return int(Path("/proc", process, "stat").read_bytes().rpartition(b")")[2].split()[1])
    except OSError:
        return 0


def _end_as(status: int) -> NoReturn:
    """Ends this process as another has ended."""
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if number:
        _no_core()
        with contextlib.suppress(OSError):  # SIGKILL has no other way
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))


def _no_core() -> None:
    with contextlib.suppress(Exception):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _bound_addresses(memory: int) -> None:
    with contextlib.suppress(Exception):  # no such module or limit on this system
        import resource

        if memory == UNKNOWN_MEMORY or _has_gpu():  # CUDA reserves far more addresses than it uses
            return
        most = memory + ADDRESSES + ADDRESSES_PER_CORE * (os.cpu_count() or 1)
        _, ceiling = resource.getrlimit(resource.RLIMIT_AS)
        if ceiling != resource.RLIM_INFINITY:
            most = min(most, ceiling)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _has_gpu() -> bool:
    return os.environ.get("CUDA_VISIBLE_DEVICES") not in ("", "-1") and (
        os.path.exists("/dev/nvidiactl") or os.path.exists("/dev/kfd")
    )
