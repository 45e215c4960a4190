"""Processor time of processes, as Linux counts it (proc_pid_stat(5)), in ticks of 10 ms."""

import os
from contextlib import suppress
from pathlib import Path


def children(pid: int | None = None) -> set[int]:
    """Ids of the processes that a process, by default this one, has started and that still run."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid or os.getpid()}/task").iterdir():
        with suppress(OSError):  # the thread has ended meanwhile
            found.update(map(int, (task / "children").read_text().split()))
    return found


def processor_s(pid: int) -> float:
    """Seconds of processor time, user and system, of one process with all its threads."""
    return _ticks_s(pid, 11, 12)


def processor_with_children_s(pid: int) -> float:
    """Likewise, with the children that have ended and were waited for."""
    return _ticks_s(pid, 11, 12, 13, 14)


def _ticks_s(pid: int, *places: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(fields[place]) for place in places) / os.sysconf("SC_CLK_TCK")
