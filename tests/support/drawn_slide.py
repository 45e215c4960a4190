"""A slides service with one drawn slide, and all that its reader needs: tiles, cells, reviews, a moving cut."""

import asyncio
import io
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil, log2
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from idc_contracts import utc_now
from idc_contracts.decision import Decision, Reason
from idc_contracts.slide_scores import SlideScores
from idc_contracts.slides import (
    CellReview,
    OperatingPoints,
    Slide,
    SlideArea,
    SlideCells,
    SlideCounts,
    SlideCut,
    SlideGrid,
    SlideVerdict,
)
from idc_slides.exports.training_folder import agreed_cells, training_folder
from idc_slides.records.given_reviews import GivenReview, latest_of, shown_to
from idc_slides.reviews.second_reading import second_readings
from idc_slidescores import FittedCut, operating_points
from support.slides_fake import FakeSlides, problem, screened_slide

CELL_PX: Final = 50
TILE_PX: Final = 254
OVERLAP_PX: Final = 1
LOW, HIGH = -0.5, 0.5
CUT_STEP: Final = 0.05
"""How far one review moves the cut."""


@dataclass
class DrawnSlide:
    """A slide of round tissue, drawn in H&E-like colours, with two groups of IDC cells."""

    columns: int = 60
    rows: int = 45
    name: str = "drawn.svs"
    spread: float = 0.0
    """By how much the scores are higher once there are reviews."""
    reviews: dict[tuple[int, int, str], CellReview] = field(default_factory=dict)
    given: list[GivenReview] = field(default_factory=list)
    """Every answer, also those that were taken back; `reviews` has what counts."""

    @cached_property
    def _unreadable(self) -> tuple[tuple[int, int], ...]:
        """Left out: a strip of four cells at the left edge of the tissue."""
        return tuple((0, self.rows // 2 + step) for step in range(4))

    @cached_property
    def identity(self) -> UUID:
        return self._first.id

    @cached_property
    def _first(self) -> Slide:
        return screened_slide("idc", name=self.name)

    @cached_property
    def places(self) -> NDArray[np.int64]:
        """[N, 2]: column and row of each tissue cell."""
        row, column = np.mgrid[: self.rows, : self.columns]
        inside = ((column / self.columns - 0.5) / 0.45) ** 2 + ((row / self.rows - 0.5) / 0.45) ** 2 < 1
        return np.stack([column[inside], row[inside]], axis=1)

    @cached_property
    def logits(self) -> NDArray[np.float64]:
        """[N]: high around two places, low elsewhere, with some noise."""
        noise = np.random.default_rng(1).normal(0, 0.6, len(self.places))
        heat = np.zeros(len(self.places))
        for x, y, width in ((0.35, 0.4, 0.10), (0.7, 0.6, 0.06)):
            centre = np.array([x * self.columns, y * self.rows])
            distance = np.linalg.norm(self.places - centre, axis=1)
            heat += 7 * np.exp(-((distance / (width * self.columns)) ** 2))
        return np.asarray(-3 + heat + noise)

    @cached_property
    def picture(self) -> Image.Image:
        """At 4.0 um per pixel."""
        size = (self.columns * CELL_PX, self.rows * CELL_PX)
        rng = np.random.default_rng(2)
        pixels = np.full((size[1], size[0], 3), 243, np.uint8)
        for (column, row), logit in zip(self.places, self.logits, strict=True):
            part = pixels[row * CELL_PX : (row + 1) * CELL_PX, column * CELL_PX : (column + 1) * CELL_PX]
            part[:] = np.clip(np.array([222, 160, 196]) + rng.normal(0, 7, part.shape), 0, 255)
            share = 0.03 + 0.12 / (1 + np.exp(-logit))
            part[rng.random(part.shape[:2]) < share] = (92, 60, 130)
        return Image.fromarray(pixels)

    def cut(self) -> SlideCut:
        """Each answer moves it by one step, down for IDC and up for no IDC."""
        verdicts = [review.verdict for review in self.reviews.values()]
        moved_by = CUT_STEP * (verdicts.count(SlideVerdict.NO_IDC) - verdicts.count(SlideVerdict.IDC))
        return SlideCut(
            logit=moved_by,
            low_logit=LOW + moved_by,
            high_logit=HIGH + moved_by,
            moved_by=moved_by,
            deviation=0.3,
            prevalence=0.2,
            reviews=len(verdicts),
            explanation=f"The model's own cut, moved by {moved_by:+.2f} after {len(verdicts)} reviewed patches.",
        )

    def cells(self) -> SlideCells:
        moved = self.logits + (self.spread if self.reviews else 0.0)
        decisions, reasons = self._decided(self.cut(), moved)
        return SlideCells(
            column=tuple(self.places[:, 0].tolist()),
            row=tuple(self.places[:, 1].tolist()),
            probability=tuple((1 / (1 + np.exp(-self.logits))).tolist()),
            logit=tuple(moved.tolist()),
            decision=decisions,
            model_decision=self._decided(DrawnSlide().cut(), self.logits)[0] if self.reviews else (),
            model_logit=tuple(self.logits.tolist()) if self.reviews else (),
            model_cut=DrawnSlide().cut() if self.reviews else None,
            reasons=reasons,
            left_out={"glass": ((0, 0), (1, 0)), "unreadable": self._unreadable},
        )

    def _decided(
        self, cut: SlideCut, logits: NDArray[np.float64]
    ) -> tuple[tuple[Decision, ...], tuple[tuple[Reason, ...], ...]]:
        """Decisions and reasons of all cells; every 97th is blurred."""
        decisions, reasons = [], []
        for number, logit in enumerate(logits):
            blurred = number % 97 == 0
            sure = Decision.IDC if logit >= cut.high_logit else Decision.NO_IDC if logit < cut.low_logit else None
            decisions.append(Decision.UNCERTAIN if blurred or sure is None else sure)
            why = ([Reason.BETWEEN_THRESHOLDS] if sure is None else []) + ([Reason.OUT_OF_FOCUS] if blurred else [])
            reasons.append(tuple(why))
        return tuple(decisions), tuple(reasons)

    def record(self) -> Slide:
        counts = {decision: self.cells().decision.count(decision) for decision in Decision}
        tissue = len(self.places)
        glass = self.columns * self.rows - tissue
        idc_mm2 = counts[Decision.IDC] * 0.04
        values: dict[str, Any] = {
            "grid": SlideGrid(columns=self.columns, rows=self.rows, pitch_px=float(CELL_PX)),
            "counts": SlideCounts(
                cells=self.columns * self.rows,
                tissue=tissue,
                left_out={"glass": glass},
                reviewed=len({(column, row) for column, row, _ in self.reviews}),
                **{str(decision.value): count for decision, count in counts.items()},
            ),
            "tissue": SlideArea(mm2=tissue * 0.04),
            "idc": SlideArea(mm2=idc_mm2, low_mm2=idc_mm2 * 0.8, high_mm2=idc_mm2 * 1.2),
            "uncertain": SlideArea(mm2=counts[Decision.UNCERTAIN] * 0.04),
            "quality": {"blurred": 0.01, "pen": 0.02},
            "cut": self.cut(),
        }
        return self._first.model_copy(update=values)

    def next_reviews(self, count: int, reviewer: str, *, second: bool) -> list[dict[str, Any]]:
        """Nearest to the model's own cut, the same ones for each reader; or what others have answered."""
        if second:
            return [cell.model_dump(mode="json") for cell in second_readings(list(self.reviews.values()), reviewer)]
        nearest = self.places[np.argsort(np.abs(self.logits))].tolist()
        waiting = [(column, row) for column, row in nearest if (column, row, reviewer) not in self.reviews]
        return [
            {"column": column, "row": row, "chosen": "random" if place % 10 == 9 else "nearest_cut"}
            for place, (column, row) in enumerate(waiting[:count])
        ]

    def answered(self, column: int, row: int, reviewer: str, given: dict[str, Any]) -> None:
        """Keep an answer."""
        key = (column, row, reviewer)
        review = CellReview(column=column, row=row, reviewer=reviewer, reviewed_at=utc_now(), **given)
        earlier = [one for one in self.given if _key_of(one.review) == key] if key in self.reviews else []
        unsealed_at = next((one.unsealed_at for one in earlier if one.unsealed_at), None)
        history = [*earlier, GivenReview(review, unsealed_at)]
        self.given = [one for one in self.given if _key_of(one.review) != key] + history
        (self.reviews[key],) = latest_of(history)

    def shown(self, reader: str) -> list[CellReview]:
        """What a reader may see; what they answer then is not blind."""
        shown = shown_to(list(self.reviews.values()), reader)
        told = {(review.column, review.row, reader) for review in shown if review.reviewer != reader}
        self.given = [
            replace(one, unsealed_at=one.unsealed_at or utc_now()) if _key_of(one.review) in told else one
            for one in self.given
        ]
        return shown

    def is_unsealed(self, column: int, row: int, reviewer: str) -> bool:
        """Whether a reader was shown another's answer for a cell."""
        key = (column, row, reviewer)
        return any(one.unsealed_at for one in self.given if _key_of(one.review) == key)

    def points(self) -> OperatingPoints:
        """As of slides whose patches have these logits."""
        scores = SlideScores(
            window=3,
            idc_mean=2.5,
            idc_deviation=1.2,
            no_idc_mean=-2.5,
            no_idc_deviation=1.2,
            shift_deviation=1.0,
            patients=17,
        )
        return operating_points(scores, FittedCut(self.cut()))


@dataclass
class DrawnSlides(FakeSlides):
    """A slides service that has a drawn slide, and otherwise what the test gives it."""

    drawn: DrawnSlide = field(default_factory=DrawnSlide)
    holds_reviews: bool = False
    """Set to answer no review before it is unset, as a slow service does."""
    review_refusal: Response | None = None
    """Set to answer each review so."""

    def app(self, prefix: str = "") -> Starlette:
        self.slides[self.drawn.identity] = self.drawn.record()
        one = f"/slides/{self.drawn.identity}"
        own = [
            Route(f"{one}.dzi", self._pyramid),
            Route(f"{one}_files/{{level:int}}/{{column:int}}_{{row:int}}.jpeg", self._tile),
            Route(f"{one}/cells/{{column:int}}/{{row:int}}.png", self._cell),
            Route(f"{one}/grid", self._cells),
            Route(f"{one}/operating-points", self._points),
            Route(f"{one}/training-folder", self._training_counts),
            Route(f"{one}/training-folder.zip", self._training_folder),
            Route(f"{one}/next-reviews", self._next_reviews),
            Route(f"{one}/reviews", self._reviews, methods=["GET"]),
            Route(f"{one}/reviews", self._review_many, methods=["POST"]),
            Route(f"{one}/reviews/{{column:int}}/{{row:int}}", self._review, methods=["PUT", "DELETE"]),
        ]
        app = super().app(prefix)
        app.router.routes[:0] = [Mount(prefix, routes=own)] if prefix else own
        return app

    async def _pyramid(self, _request: Request) -> Response:
        width, height = self.drawn.picture.size
        document = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            f'<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" Format="jpeg" Overlap="{OVERLAP_PX}" '
            f'TileSize="{TILE_PX}"><Size Width="{width}" Height="{height}"/></Image>'
        )
        return Response(document, media_type="application/xml")

    async def _tile(self, request: Request) -> Response:
        level, column, row = (request.path_params[name] for name in ("level", "column", "row"))
        picture = self.drawn.picture
        scale = 2 ** (ceil(log2(max(picture.size))) - level)
        width, height = ceil(picture.width / scale), ceil(picture.height / scale)
        left, top = (max(0, place * TILE_PX - OVERLAP_PX) for place in (column, row))
        right, bottom = (
            min(side, (place + 1) * TILE_PX + OVERLAP_PX) for place, side in ((column, width), (row, height))
        )
        box = (left * scale, top * scale, min(right * scale, picture.width), min(bottom * scale, picture.height))
        return _image(picture.resize((right - left, bottom - top), Image.Resampling.BOX, box), "jpeg")

    async def _cell(self, request: Request) -> Response:
        column, row = request.path_params["column"], request.path_params["row"]
        around = int(request.query_params.get("around", 0))
        left, top = (column - around) * CELL_PX, (row - around) * CELL_PX
        side = (2 * around + 1) * CELL_PX
        return _image(self.drawn.picture.crop((left, top, left + side, top + side)), "png")

    async def _cells(self, _request: Request) -> Response:
        return JSONResponse(self.drawn.cells().model_dump(mode="json"))

    async def _points(self, _request: Request) -> Response:
        return JSONResponse(self.drawn.points().model_dump(mode="json"))

    async def _training_counts(self, _request: Request) -> Response:
        counts = agreed_cells(list(self.drawn.reviews.values())).counts
        return JSONResponse(counts.model_dump(mode="json"))

    async def _training_folder(self, request: Request) -> Response:
        agreed = agreed_cells(list(self.drawn.reviews.values()))
        patient = request.query_params.get("patient", "drawn")
        pieces = training_folder(self.drawn.record(), agreed, patient, self._png)
        headers = {"Content-Disposition": f'attachment; filename="{patient}.zip"'}
        return Response(b"".join(pieces), media_type="application/zip", headers=headers)

    def _png(self, column: int, row: int) -> bytes:
        left, top = column * CELL_PX, row * CELL_PX
        return bytes(_image(self.drawn.picture.crop((left, top, left + CELL_PX, top + CELL_PX)), "png").body)

    async def _next_reviews(self, request: Request) -> Response:
        count, second = int(request.query_params["count"]), request.query_params.get("second") == "true"
        return JSONResponse(self.drawn.next_reviews(count, request.headers["x-idc-caller"], second=second))

    async def _reviews(self, request: Request) -> Response:
        shown = self.drawn.shown(request.headers["x-idc-caller"])
        return JSONResponse([review.model_dump(mode="json") for review in shown])

    async def _review_many(self, request: Request) -> Response:
        if refusal := await self._review_is_due():
            return refusal
        given = await request.json()
        for column, row in given.pop("cells"):
            self.drawn.answered(column, row, request.headers["x-idc-caller"], given)
        self.slides[self.drawn.identity] = self.drawn.record()
        return JSONResponse(self.drawn.record().model_dump(mode="json"))

    async def _review_is_due(self) -> Response | None:
        """Wait as long as the test says; the refusal that it set."""
        while self.holds_reviews:  # noqa: ASYNC110 - set from another thread
            await asyncio.sleep(0.02)
        return self.review_refusal

    async def _review(self, request: Request) -> Response:
        if refusal := await self._review_is_due():
            return refusal
        column, row = request.path_params["column"], request.path_params["row"]
        reviewer = request.headers["x-idc-caller"]
        if request.method == "DELETE" and self.drawn.is_unsealed(column, row, reviewer):
            return problem(409, "wrong-state", "change the answer instead of withdrawing it")
        if request.method == "DELETE":
            self.drawn.reviews.pop((column, row, reviewer), None)
        else:
            self.drawn.answered(column, row, reviewer, await request.json())
        self.slides[self.drawn.identity] = self.drawn.record()
        return JSONResponse(self.drawn.record().model_dump(mode="json"))


def _key_of(review: CellReview) -> tuple[int, int, str]:
    return review.column, review.row, review.reviewer


def _image(picture: Image.Image, kind: str) -> Response:
    data = io.BytesIO()
    picture.save(data, kind)
    return Response(data.getvalue(), media_type=f"image/{kind}")
