"""Processor time of processes, as Linux counts it (proc_pid_stat(5)), in ticks of 10 ms."""

import os
from pathlib import Path


def children() -> set[int]:
    """Ids of the processes that this process has started and that still run."""
    return {int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}


def processor_s(pid: int) -> float:
    """Seconds of processor time, user and system, of one process with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
