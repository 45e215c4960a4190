"""The limits that the worker sets on itself before it touches a file; it cannot raise them again."""

import os
import resource
import threading
import time
from pathlib import Path
from typing import Final

ORPHAN_CHECK_S: Final = 2.0


def limit_this_process(memory_bytes: int, cpu_s: int) -> None:
    """Bound memory and processor time, forbid files and core dumps, and end when the parent has ended.

    Args:
        memory_bytes: Most that may be allocated on top of what the libraries need.
        cpu_s: Processor time after which the kernel ends the process.
    """
    limits = {
        resource.RLIMIT_AS: _address_space_bytes() + memory_bytes,
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 512,
    }
    for what, limit in limits.items():
        hard = resource.getrlimit(what)[1]
        bound = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(what, (bound, bound))
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()


def _address_space_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(ORPHAN_CHECK_S)
    os._exit(1)
