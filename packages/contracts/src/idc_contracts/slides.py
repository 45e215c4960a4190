"""Whole slides: the record of a slide, and the event that a slide was screened."""

from enum import StrEnum
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field

from idc_contracts.alarm import Note
from idc_contracts.base import JSON_NUMBER, Contract, Message, Probability, UtcDatetime
from idc_contracts.classification import ModelRef
from idc_contracts.decision import Decision, Reason
from idc_contracts.training_reference import PROBABILITY_BINS

UM_PER_PX: Final = 4.0
"""The scale at which slides are screened: that of the public data set, so a patch of 50 px is 0.2 mm wide."""


class SlideState(StrEnum):
    """Where a slide is on its way."""

    WAITING = "waiting"
    """In the queue, or back in it after an interruption."""
    NEEDS_SCALE = "needs_scale"
    """The file does not tell its scale, or an implausible one: a person must state it."""
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    """`failure` says why; nothing of it is shown as a result."""
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in (SlideState.DONE, SlideState.FAILED, SlideState.CANCELLED)


class SlideFailure(Contract):
    """Why a slide could not be screened."""

    code: str = Field(pattern=r"^[a-z][a-z0-9-]{0,62}$", description="Such as `unreadable-slide`; the `type` ends so.")
    detail: str = Field(max_length=1000, description="Names the value and the remedy.")


class SlideScale(Contract):
    """How the slide was brought to 4.0 um per pixel."""

    um_per_px: float = Field(gt=0.0, allow_inf_nan=False, description="Of the finest level.")
    stated_by: Literal["file", "person"] = Field(description="Who says so.")
    level: int = Field(ge=0, description="The level of the file that was read; 0 is the finest.")
    level_um_per_px: float = Field(gt=0.0, allow_inf_nan=False)
    factor: float = Field(gt=0.0, allow_inf_nan=False, description="Pixels of that level for one screened pixel.")
    kernel: str = Field(description="The antialiased kernel.")


class SlideGrid(Contract):
    """The patches of a slide: cells of 200 um, row by row from the upper left corner."""

    columns: int = Field(ge=0)
    rows: int = Field(ge=0)
    pitch_px: float = Field(gt=0.0, description="Side of a cell in pixels of the finest level.")


class SlideCounts(Contract):
    """Numbers of cells."""

    cells: int = Field(default=0, ge=0, description="All cells of the grid.")
    tissue: int = Field(default=0, ge=0, description="Cells that were screened.")
    idc: int = Field(default=0, ge=0)
    no_idc: int = Field(default=0, ge=0)
    uncertain: int = Field(default=0, ge=0)
    reasons: dict[Reason, int] = Field(default_factory=dict, description="Cells that have each reason.")
    left_out: dict[str, int] = Field(
        default_factory=dict, description="Cells that were not screened, by cause: `glass`, `fat`, `unreadable`, ..."
    )
    reviewed: int = Field(default=0, ge=0)


class SlideArea(Contract):
    """An area with its 95 % interval, where there is one."""

    mm2: float = Field(ge=0.0)
    low_mm2: float | None = Field(default=None, ge=0.0)
    high_mm2: float | None = Field(default=None, ge=0.0)


class SlideCut(Contract):
    """The cut of a slide, on the score of a cell with its neighbours, in logits."""

    logit: float = Field(allow_inf_nan=False, description="Cells at or above it are IDC.")
    low_logit: float = Field(allow_inf_nan=False, description="Cells below it are `no_idc`.")
    high_logit: float = Field(allow_inf_nan=False, description="Cells at or above it are `idc`.")
    moved_by: float = Field(allow_inf_nan=False, description="From the model's own cut; 0 where it was not fitted.")
    deviation: float | None = Field(
        default=None, ge=0.0, description="Standard deviation of the shift, given the slide; null where not fitted."
    )
    prevalence: float | None = Field(default=None, ge=0.0, le=1.0, description="Fitted share of IDC; null likewise.")
    reviews: int = Field(default=0, ge=0, description="Reviewed cells that took part.")
    explanation: str = Field(max_length=500, description="In words, for people.")


class Slide(Contract):
    """The record of a slide. Pixels, and label and macro images, are no part of it."""

    id: UUID
    name: str = Field(min_length=1, max_length=255, description="The file's name.")
    state: SlideState
    source: Literal["folder", "upload", "s3"]
    received_at: UtcDatetime
    started_at: UtcDatetime | None = None
    finished_at: UtcDatetime | None = None
    received_by: str = Field(max_length=128, description="The caller, or `folder` for the watched folder.")
    progress: float = Field(default=0.0, ge=0.0, le=1.0)
    time_left_s: float | None = Field(default=None, ge=0.0, description="An estimate while it runs.")
    failure: SlideFailure | None = None
    size_bytes: int = Field(ge=0)
    sha256: str | None = Field(default=None, description="Of the file, once it was read as a whole.")
    format: str | None = Field(default=None, description="Such as `aperio`, `dicom`, `generic-tiff`.")
    width_px: int | None = Field(default=None, ge=1, description="Of the finest level.")
    height_px: int | None = Field(default=None, ge=1)
    scale: SlideScale | None = None
    grid: SlideGrid | None = None
    counts: SlideCounts = SlideCounts()
    tissue: SlideArea | None = None
    idc: SlideArea | None = None
    uncertain: SlideArea | None = None
    quality: dict[str, float] = Field(
        default_factory=dict, description="Shares of the slide's tissue or area, 0.0-1.0: `blurred`, `pen`, `fold`, ..."
    )
    warnings: tuple[str, ...] = Field(default=(), max_length=16, description="What a reader must know, as sentences.")
    model: ModelRef | None = None
    cut: SlideCut | None = None
    decision: Decision | None = Field(default=None, description="Of the slide, once it is done.")
    minimum_idc_mm2: float | None = Field(
        default=None, ge=0.0, allow_inf_nan=False, description="The site's minimum, by which it was decided."
    )


class SlidePage(Contract):
    """Some slides, newest first."""

    items: tuple[Slide, ...]
    next_cursor: str | None = Field(default=None, description="For `cursor`, to go on; null at the end.")
    total: int = Field(ge=0, description="Slides that fit the filter.")


class SlideCells(Contract):
    """The screened cells of a slide, one list a column; all lists have the same length, or are empty."""

    column: tuple[int, ...]
    row: tuple[int, ...]
    probability: tuple[float, ...] = Field(description="Calibrated P(IDC) of the cell alone.")
    logit: tuple[float, ...] = Field(
        description="Score of the cell with its neighbours, moved by the reviews near it; the cut lies on it."
    )
    decision: tuple[Decision, ...]
    model_decision: tuple[Decision, ...] = Field(
        default_factory=tuple, description="The decisions before any review; empty where nothing was reviewed."
    )
    model_logit: tuple[float, ...] = Field(
        default_factory=tuple, description="The scores before any review; empty where nothing was reviewed."
    )
    model_cut: SlideCut | None = Field(
        default=None, description="The cut before any review; null where nothing was reviewed."
    )
    reasons: tuple[tuple[Reason, ...], ...]
    left_out: dict[str, tuple[tuple[int, int], ...]] = Field(
        default_factory=dict, description="Cells that were not screened, as [column, row], by cause."
    )


class OperatingPoints(Contract):
    """How well cuts separate both classes on validation slides, moved by the shift of this slide; one list a column.

    The figures are of cross-fitted scores: each by networks that never saw the patient.
    """

    patients: int = Field(default=0, ge=0, description="Patients behind the figures; 0 where the model has none.")
    shift_deviation: float | None = Field(
        default=None, ge=0.0, allow_inf_nan=False, description="By which slides of the training differ as a whole."
    )
    reviews_spread: bool = Field(
        default=False, description="Whether a review also moves the scores of the cells around it, as the model tells."
    )
    logit: tuple[float, ...] = Field(default=(), description="Cuts on the score, rising.")
    sensitivity: tuple[float, ...] = Field(default=(), description="Share of the IDC cells at or above each cut.")
    specificity: tuple[float, ...] = Field(default=(), description="Share of the other cells below it.")


class SlideMeasures(Contract):
    """What the patches of one slide were like to the model that scored them, each without its neighbours."""

    slide_id: UUID
    finished_at: UtcDatetime | None = None
    patches: int = Field(ge=1)
    probability: float = Field(ge=0.0, le=1.0, description="Mean of the calibrated P(IDC).")
    unfamiliar: float = Field(ge=0.0, le=1.0, description="Share of patches that the model does not know.")
    probability_shares: tuple[Probability, ...] = Field(
        min_length=PROBABILITY_BINS,
        max_length=PROBABILITY_BINS,
        description="Share of patches in ten bins of P(IDC).",
    )


class LatestSlides(Contract):
    """The latest slides that are done, newest first."""

    items: tuple[SlideMeasures, ...] = Field(description="Those that one model scored.")
    other_models: int = Field(ge=0, description="Those of other models.")


class SlideVerdict(StrEnum):
    """A reviewer's answer for a cell."""

    IDC = "idc"
    NO_IDC = "no_idc"
    UNSURE = "unsure"


class CellReview(Contract):
    """A review of one cell."""

    column: int = Field(ge=0)
    row: int = Field(ge=0)
    verdict: SlideVerdict
    reviewer: str = Field(max_length=128)
    reviewed_at: UtcDatetime
    comment: Note | None = None
    blind_verdict: SlideVerdict | None = Field(
        default=None,
        description="The reader's last answer before they were shown another reader's: agreement is counted by it.",
    )
    unaided_verdict: SlideVerdict | None = Field(
        default=None,
        description="The last blind answer that was given without the model's: agreement with the model is counted by "
        "it; null where the model's answer was shown before, or nothing says that it was not.",
    )
    model_shown: bool | None = Field(
        default=None,
        description="Whether the model's answer was shown to the reader before this answer or an earlier one; null "
        "where one of them does not say so.",
    )


class CellToReview(Contract):
    """A cell that should be reviewed next."""

    column: int = Field(ge=0)
    row: int = Field(ge=0)
    chosen: Literal["nearest_cut", "random", "second_reading"] = Field(
        description="One in ten is drawn at random; `second_reading`: another reader answered it."
    )


_Place = Annotated[int, Field(ge=0), JSON_NUMBER]


class ReviewToRecord(Contract):
    """What a reviewer says of one cell."""

    verdict: SlideVerdict
    comment: Note | None = None
    model_shown: bool | None = Field(
        default=None, description="Whether the model's answer was shown to the reader before; null is not known."
    )


class ReviewsToRecord(ReviewToRecord):
    """What a reviewer says of several cells at once."""

    cells: tuple[tuple[_Place, _Place], ...] = Field(min_length=1, max_length=200, description="As [column, row].")


class TrainingPatches(Contract):
    """The reviewed cells of a slide, as a training folder has them."""

    idc: int = Field(default=0, ge=0, description="Cells that all their readers called IDC: class 1.")
    no_idc: int = Field(default=0, ge=0, description="Cells that none of their readers called IDC: class 0.")
    unsure: int = Field(default=0, ge=0, description="Left out: all their readers were unsure.")
    disagreements: int = Field(default=0, ge=0, description="Left out: their readers gave different answers.")


class SlideScreened(Message):
    """A slide was screened. The file's name stays out of the message: it may identify the patient."""

    slide_id: UUID = Field(description="The slide's id at the gateway's REST interface.")
    decision: Decision = Field(description="`idc` where the area of IDC reaches the site's minimum.")
    tissue_mm2: float = Field(ge=0.0, allow_inf_nan=False)
    idc_mm2: float = Field(ge=0.0, allow_inf_nan=False)
    uncertain_mm2: float = Field(ge=0.0, allow_inf_nan=False)
    minimum_idc_mm2: float | None = Field(
        default=None, ge=0.0, allow_inf_nan=False, description="The site's minimum; null where it is not known."
    )
    model: ModelRef
    screened_at: UtcDatetime
