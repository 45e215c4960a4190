"""What is stored of a slide while it runs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from idc_contracts import ModelRef, Thresholds
from idc_slides.jobs import progress as progress_module
from idc_slides.jobs.cell_scores import Batch
from idc_slides.jobs.progress import Progress
from idc_slides.records.cells import CellGrid, ScreeningModel
from idc_slides.records.cells_store import CellsStore
from idc_slides.records.queue_store import QueueStore
from idc_slides.records.slides import FileState, Location, new_slide
from idc_slides.records.slides_store import SlidesStore
from idc_slides.scoring.oip_messages import Scores
from idc_slides.sql.database import open_database

MODEL = ScreeningModel(
    ref=ModelRef(name="idc", version="1", sha256="0" * 64), thresholds=Thresholds(no_idc_below=0.4, idc_from=0.6)
)
EMPTY = CellGrid(np.full((4, 2), np.nan, np.float32), np.zeros((4, 2), np.uint8), np.zeros((4, 2), np.uint8))


def row(number: int) -> tuple[Batch, Scores]:
    cells = np.full((2, 50, 50, 3), 128, np.uint8)
    batch = Batch(np.full(2, number), np.arange(2), cells, rows_done=number + 1)
    return batch, Scores(np.full(2, 0.5, np.float32), np.zeros(2, np.uint8))


def test_the_first_scores_are_shown_at_once_and_further_ones_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "SAVE_EVERY_S", 3600.0)
    database = open_database(f"sqlite:///{tmp_path / 'slides.sqlite3'}")
    queue, cells = QueueStore(database), CellsStore(database)
    SlidesStore(database).add([new_slide(Location("folder", "a.svs"), FileState(1, 1), received_by="folder")])
    stored = queue.claim("one")
    assert stored is not None
    progress = Progress(queue, stored.slide, "one")

    progress.begin(MODEL, EMPTY)
    shown = []
    for number in range(3):
        progress.take(*row(number))
        found = cells.get(stored.slide.id)
        assert found is not None
        shown.append(int(found[1].scored.sum()))

    assert shown == [2, 2, 2]
    assert progress.slide.counts is not None
    assert int(progress.grid.scored.sum()) == 6


def test_a_slide_that_ends_its_worker_before_a_row_is_done_uses_up_its_attempts(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'slides.sqlite3'}")
    queue = QueueStore(database)
    SlidesStore(database).add([new_slide(Location("folder", "a.svs"), FileState(1, 1), received_by="folder")])

    def attempts_after(rows: int, grid: CellGrid) -> int:
        stored = queue.claim("one")
        assert stored is not None
        progress = Progress(queue, stored.slide, "one")
        progress.describe(stored.slide)
        progress.begin(MODEL, grid)
        for number in range(grid.rows_done, grid.rows_done + rows):
            progress.take(*row(number))
        queue.free_all()
        return stored.attempts

    resumed = replace(EMPTY, rows_done=1)
    assert [attempts_after(0, EMPTY), attempts_after(0, EMPTY), attempts_after(1, EMPTY)] == [1, 2, 3]
    assert [attempts_after(0, resumed), attempts_after(0, resumed), attempts_after(0, resumed)] == [1, 2, 3]
    assert attempts_after(0, resumed) == 4
