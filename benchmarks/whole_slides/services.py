"""The services that `benchmarks/slides.py` measures, and what one slide costs them."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import httpx

from support.inference_process import inference_process
from support.processor_time import children, processor_with_children_s
from support.slides_process import slides_process

LOOK_S: Final = 0.05
LATER_LOOK_S: Final = 0.5
"""After the first scores: the end of a slide is in its record, and a look costs the service 4 ms."""
CALLER: Final = {"X-IDC-Caller": "benchmark"}


class Services:
    """The service of slides, with its watched folder, and that of inference."""

    def __init__(self, address: str, folder: Path, slides_pid: int, inference_pid: int) -> None:
        self._client, self._folder = httpx.Client(base_url=address), folder
        self._pid, self._inference_pid = slides_pid, inference_pid
        self._count = 0

    def put(self, file: Path) -> str:
        """Queue a slide under a new name; gives its path at the service."""
        self._count += 1
        name = f"{self._count}.tiff"
        (self._folder / name).hardlink_to(file)
        answer = self._client.post("/slides", json={"path": name}, headers=CALLER).raise_for_status()
        return f"/slides/{answer.json()['id']}"

    def record(self, url: str) -> dict[str, Any]:
        """The slide's record.

        Raises:
            RuntimeError: It was not screened.
        """
        record: dict[str, Any] = self._client.get(url).json()
        if record["failure"] is not None:
            raise RuntimeError(record["failure"])
        return record

    def processor_s(self) -> float:
        """Processor time of all processes so far; a reader that has ended counts for its parent."""
        return sum(map(processor_with_children_s, (self._pid, self._inference_pid)))

    def memory(self) -> "Memory":
        """Looks at the memory of the service of slides while a block runs."""
        return Memory(self._pid)


@dataclass(frozen=True)
class Screened:
    """One slide, from the request to `done`."""

    patches: int
    whole_s: float
    first_s: float
    """Until the first patches have their score."""
    processor_s: float

    @property
    def patches_per_s(self) -> float:
        """Of the whole slide."""
        return self.patches / self.whole_s


def screen(services: Services, file: Path) -> Screened:
    """Screen a slide while nothing else is asked."""
    before_s, begin_s = services.processor_s(), time.time()
    url, first_s = services.put(file), None
    while True:
        record = services.record(url)
        if first_s is None and record["counts"] is not None and record["counts"]["tissue"]:
            first_s = time.time() - begin_s
        if record["state"] == "done":
            break
        time.sleep(LOOK_S if first_s is None else LATER_LOOK_S)
    whole_s = datetime.fromisoformat(record["finished_at"]).timestamp() - begin_s
    return Screened(record["counts"]["tissue"], whole_s, first_s or whole_s, services.processor_s() - before_s)


class Memory:
    """The most memory that a process and its children have together at one time, looked at in a thread."""

    def __init__(self, pid: int) -> None:
        self.most_mb = 0.0
        self._pid, self._ended = pid, Event()
        self._thread = Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Memory":
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """End."""
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(LOOK_S):
            self.most_mb = max(self.most_mb, sum(map(pss_mb, [self._pid, *children(self._pid)])))


def pss_mb(pid: int) -> float:
    """The memory of a process in 10^6 bytes, what it shares with others by its share; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("Pss:"))


@contextmanager
def running(models: Path, made: Path, workers: int) -> Iterator[Services]:
    """Both services while the block runs, with so many slides at a time, beside the folder of the made ones."""
    before = children()
    with tempfile.TemporaryDirectory(dir=made) as scratch, inference_process(models) as inference:
        folder, (inference_pid,) = Path(scratch) / "slides", children() - before
        folder.mkdir()
        settings = {"SLIDES_FOLDER_POLL_S": "3600", "SLIDES_WORKERS": str(workers), "SLIDES_LOG_LEVEL": "WARNING"}
        with slides_process(Path(scratch) / "data", folder, inference, **settings) as address:
            (slides_pid,) = children() - before - {inference_pid}
            yield Services(address, folder, slides_pid, inference_pid)
