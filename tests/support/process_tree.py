"""Runs a program with all the processes that it starts, and ends them all."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn

GRACE_S = 10.0
"""How long the processes may take to end by themselves."""


@contextmanager
def process_tree(
    command: Sequence[str | Path], *, environment: Mapping[str, str], log: IO[bytes], folder: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program while the block runs, in a session of its own; afterwards nothing of that session is left.

    Whatever ends the block counts: its end, an error, Ctrl-C, and SIGTERM where `end_on_sigterm` was called.
    """
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process
    finally:
        end_tree(process)


def end_tree(process: subprocess.Popen[bytes]) -> None:
    """Ask the session of `process` to end, then kill what is left of it; its leader may have ended before."""
    _signal(process.pid, signal.SIGTERM)
    deadline_s = time.monotonic() + GRACE_S
    while process.poll() is None or session_members(process.pid):
        if time.monotonic() > deadline_s:
            _signal(process.pid, signal.SIGKILL)
            for member in session_members(process.pid):  # those that left the group
                with suppress(ProcessLookupError):
                    os.kill(member, signal.SIGKILL)
            break
        time.sleep(0.05)
    process.wait(timeout=GRACE_S)


def session_members(session: int) -> list[int]:
    """The living processes of a session, by `/proc`."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, _, its_session = stat.read_text().rpartition(")")[2].split()[:4]
            if int(its_session) == session and state != "Z":
                found.append(int(stat.parent.name))
    return found


def end_on_sigterm() -> None:
    """Let SIGTERM leave through all `finally` blocks, as Ctrl-C does."""

    def leave(_number: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(128 + signal.SIGTERM)

    signal.signal(signal.SIGTERM, leave)


def _signal(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
