"""What the process of a stranger's model does without: other processes, the network, a core file, addresses.

Each bound holds where the system knows it; SECURITY.md says what is promised.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path

from gradlint.load.limits import UNKNOWN_MEMORY

ADDRESSES = 6 * 2**30
"""Address space beyond the limit on memory: TensorFlow's libraries, and what allocators reserve and never touch."""
ADDRESSES_PER_CORE = 128 * 2**20
"""A thread's stack, and the arena that glibc reserves for it."""


def bound(memory: int) -> None:
    """Leave the network and the other processes, write no core, and ask for no more than this memory."""
    if _leave_network_and_processes():
        _become_a_child()
    _no_core()
    _bound_addresses(memory)


def die_with_parent(parent: int | None = None) -> None:
    """On Linux, a parent that is killed takes its child along.

    Args:
        parent: the process that started this one, which may have ended before it could ask for that.
    """
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(Exception):
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def _leave_network_and_processes() -> bool:
    """On Linux, where users may make namespaces: a network of its own, without any interface, and processes of its own.

    True when the next process that is started is the first of them.
    """
    if not sys.platform.startswith("linux"):
        return False
    with contextlib.suppress(Exception):
        import ctypes

        user, group = os.getuid(), os.getgid()
        unshare = ctypes.CDLL(None).unshare
        # CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWPID
        has_processes: bool = unshare(0x10000000 | 0x40000000 | 0x20000000) == 0
        if not has_processes and unshare(0x10000000 | 0x40000000) != 0:
            return False
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            Path(f"/proc/self/{name}").write_text(text, encoding="ascii")
        return has_processes
    return False


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
        status = int(said or b"9")
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        if number:
            _no_core()
            with contextlib.suppress(OSError):  # SIGKILL has no other way
                signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        os._exit(os.WEXITSTATUS(status))
    die_with_parent()
    os.close(ended)
    # The first process of a namespace is sent no signal that it does not ask for, not even its own: it only waits.
    if second := os.fork():
        while True:  # also for those whose parents have ended
            process, status = os.wait()
            if process == second:
                os.write(told, str(status).encode())
                os._exit(0)
    os.close(told)
    die_with_parent()


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
