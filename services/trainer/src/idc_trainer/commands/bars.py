"""Progress on the terminal: a bar for each step, with the time left, and the warnings."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from idc_trainer.progress import Progress as Report


class _Lines(logging.Handler):
    """Writes log records as plain lines above the bars."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        self._console.print(record.getMessage(), markup=False, highlight=False, soft_wrap=True)


@contextmanager
def progress_bars() -> Iterator[Report]:
    """Show bars and the trainer's log on standard error while the block runs; it reports its steps to the value."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    tasks: dict[str, TaskID] = {}
    console = Console(stderr=True)
    lines, log = _Lines(console), logging.getLogger("idc_trainer")
    with Progress(*columns, console=console) as bars:

        def report(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=total)
            bars.update(tasks[step], completed=done, total=total)

        log.addHandler(lines)
        try:
            yield report
        finally:
            log.removeHandler(lines)
