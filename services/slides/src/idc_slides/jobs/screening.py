"""Screens one slide: from its file to its record."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from idc_contracts import utc_now
from idc_contracts.slides import Slide, SlideState
from idc_slides.errors import NoRoom, SlideFailed, SlidesError, StoreUnavailable
from idc_slides.findings.conclusion import conclude
from idc_slides.findings.decided import decide_slide
from idc_slides.intake.slide_files import SlideFiles
from idc_slides.intake.stored_files import cannot_store
from idc_slides.jobs.batches import batches_of
from idc_slides.jobs.cell_scores import CellScores
from idc_slides.jobs.digest import FileDigest
from idc_slides.jobs.lease import Lease
from idc_slides.jobs.progress import Progress, new_grid
from idc_slides.quality import TissueMap, tissue_cells
from idc_slides.reading import SlideFile, SlideUnreadable
from idc_slides.records.cells import CellGrid
from idc_slides.records.cells_store import CellsStore
from idc_slides.records.queue_store import QueueStore
from idc_slides.records.slides import StoredSlide
from idc_slides.scale import ChosenScale, choose_scale
from idc_slides.scoring.inference_client import InferenceClient, ModelChanged, Offer

logger = logging.getLogger(__name__)

DOWNLOAD_ATTEMPTS: Final = 8
STORE_WAIT_S: Final = 5.0


@dataclass(frozen=True)
class ScreeningOptions:
    """What the settings say."""

    batch_cells: int
    requests_of_a_slide: int
    minimum_idc_mm2: float


class Screening:
    """Screens slides, one at a time in each thread that uses it."""

    def __init__(
        self,
        files: SlideFiles,
        queue: QueueStore,
        cells: CellsStore,
        inference: InferenceClient,
        open_slide: Callable[[Path], SlideFile],
        options: ScreeningOptions,
    ) -> None:
        """Prepare; `open_slide` opens a slide's file."""
        self._files, self._queue, self._cells = files, queue, cells
        self._inference, self._open, self._options = inference, open_slide, options

    def screen(self, stored: StoredSlide, lease: Lease) -> None:
        """Screen a slide that was claimed, and store what was found.

        Raises:
            SlideFailed: It cannot be screened.
            SlideUnreadable: Its file cannot be read, or its scale is not known.
            FolderUnavailable: The watched folder is away, and its file with it.
            LeaseLost: It was cancelled or deleted, or another worker has it.
            Interrupted: The service stops.
        """
        try:
            self._screen(stored, lease)
        except (SlideFailed, SlideUnreadable):
            self._files.require_source(stored)
            raise

    def _screen(self, stored: StoredSlide, lease: Lease) -> None:
        path = self._fetch(stored, lease)
        self._files.require_unchanged(stored, path)
        progress = Progress(self._queue, stored.slide, lease.owner)
        with FileDigest(path) as digest, self._open(path) as file:
            scale, tissue = _look(file, stored.stated_um_per_px)
            progress.describe(_described(stored.slide, file, scale))
            self._score_all(file, scale, tissue, progress, digest, lease)
            sha256 = digest.result()
        self._files.require_unchanged(stored, path)
        self._finish(progress, sha256, lease)

    def _fetch(self, stored: StoredSlide, lease: Lease) -> Path:
        for attempt in range(DOWNLOAD_ATTEMPTS):
            try:
                return self._files.fetch(stored, lambda _bytes: lease.check())
            except SlidesError as exc:
                trouble = exc
            except OSError as exc:
                trouble = cannot_store("the download cannot be stored", exc)
            if isinstance(trouble, NoRoom):
                break
            lease.wait(2**attempt / 2)
        raise SlideFailed(trouble.kind, str(trouble)) from trouble

    def _score_all(
        self,
        file: SlideFile,
        scale: ChosenScale,
        tissue: TissueMap,
        progress: Progress,
        digest: FileDigest,
        lease: Lease,
    ) -> None:
        scores = CellScores(
            self._inference,
            lease,
            str(progress.slide.id),
            at_once=self._options.requests_of_a_slide,
            on_trouble=progress.waits,
        )
        offer = scores.offer()
        grid = self._interrupted(progress.slide, offer, scale) or new_grid(tissue, scale.grid)
        while True:
            try:
                for _ in self._score(file, scale, grid, offer, scores, progress):
                    digest.begin()  # not before: the first scores are wanted soon
            except ModelChanged as exc:
                logger.info("slide %s begins again: %s", progress.slide.id, exc)
                offer, grid = scores.offer(), new_grid(tissue, scale.grid)
                continue
            return

    def _score(
        self, file: SlideFile, scale: ChosenScale, grid: CellGrid, offer: Offer, scores: CellScores, progress: Progress
    ) -> Iterator[None]:
        """Score what is left; stops after each batch."""
        progress.begin(offer.model, grid)
        tissue = grid.causes == 0
        bands = file.bands(scale, grid.rows_done, tissue)
        for batch, found in scores.score(
            batches_of(bands, tissue, self._options.batch_cells, progress.unreadable), offer
        ):
            progress.take(batch, found)
            yield

    def _interrupted(self, slide: Slide, offer: Offer, scale: ChosenScale) -> CellGrid | None:
        """The cells of a run that was interrupted, where it can go on: the same model, the same grid."""
        begun = self._cells.get(slide.id)
        if begun is None or begun[0].ref != offer.model.ref:
            return None
        grid = begun[1]
        is_same = grid.logits.shape == (scale.grid.rows, scale.grid.columns) and grid.rows_done
        return grid if is_same else None

    def _finish(self, progress: Progress, sha256: str | None, lease: Lease) -> None:
        grid, model = progress.grid, progress.model
        if not grid.scored.any():
            raise SlideFailed(
                "unreadable-slide", "none of the tissue can be read: copy the file again from the scanner"
            )
        slide = progress.slide.model_copy(
            update={
                "state": SlideState.DONE,
                "finished_at": utc_now(),
                "progress": 1.0,
                "time_left_s": None,
                "sha256": sha256,
            }
        )
        slide = conclude(slide, decide_slide(model, grid), (), self._options.minimum_idc_mm2)
        while True:
            try:
                self._queue.finish(slide, lease.owner, model, grid)
            except StoreUnavailable as exc:
                logger.warning("the result of slide %s waits for the database: %s", slide.id, exc)
                lease.wait(STORE_WAIT_S)
                continue
            logger.info("slide screened", extra={"slide": str(slide.id), "decision": str(slide.decision)})
            return


def _look(file: SlideFile, stated_um_per_px: float | None) -> tuple[ChosenScale, TissueMap]:
    """The scale, and the tissue; while the tissue is looked for here, the reader checks the levels."""
    unchecked = choose_scale(file.described, stated_um_per_px)
    overview = file.overview(scale=unchecked)
    with ThreadPoolExecutor(1, thread_name_prefix="levels") as aside:
        checked = aside.submit(file.scale, stated_um_per_px)
        tissue = tissue_cells(overview.pixels, unchecked.grid, unread=overview.unread)
        scale = checked.result()
    if not tissue.tissue.any():
        raise SlideFailed(
            "no-tissue",
            f"no tissue was found on {scale.grid.columns} x {scale.grid.rows} patches, only "
            f"{', '.join(name for name, where in tissue.left_out.items() if where.any())}: look at the slide",
        )
    return scale, tissue


def _described(slide: Slide, file: SlideFile, scale: ChosenScale) -> Slide:
    facts = file.described
    return slide.model_copy(
        update={
            "format": facts.format,
            "width_px": facts.width_px,
            "height_px": facts.height_px,
            "scale": scale.record,
            "grid": scale.grid,
            "warnings": (*facts.warnings, *scale.warnings),
            "failure": None,
        }
    )
