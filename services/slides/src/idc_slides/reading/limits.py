"""What reading a slide may cost."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of one slide's worker process."""

    memory_bytes: int = 256 * 2**20
    """Most that the worker may allocate on top of its libraries."""
    open_timeout_s: float = 30.0
    """For opening, the worker's start included."""
    read_timeout_s: float = 60.0
    """For one read: a band, a tile, a strip of the overview. The worker is killed then."""
    cpu_s: int = 3600
    """Processor time of one worker process."""
    worker_deaths: int = 24
    """How often the worker may die or be killed before the slide is given up."""
