"""Whether the latest patches are like those that the model was trained on."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from idc_contracts.slides import LatestSlides
from idc_contracts.training_reference import MeasureReference, PatchMeasure, TrainingReference
from idc_gateway import executors
from idc_gateway.access.scopes import Scope
from idc_gateway.drift.comparison import FALSE_ALARMS, MeasuredPatches, Shift
from idc_gateway.drift.slides import ComparedSlides, compare_slides
from idc_gateway.errors import GatewayError
from idc_gateway.inference.ports import ModelDescription
from idc_gateway.web.dependencies import GatewayDependency, requires
from idc_gateway.web.rooms import Gateway

router = APIRouter(tags=["models"])


class MeasureItem(BaseModel):
    """One measure of the latest patches, beside the training's."""

    model_config = ConfigDict(from_attributes=True)

    measure: PatchMeasure
    value: float | None = Field(description="Of the latest patches, each patient weighed; null without patches.")
    training: float | None = Field(description="Mean of the training's patients; null without a reference.")
    low: float | None = Field(
        description="Unchanged patches of so many patients lie between `low` and `high`; null without a reference."
    )
    high: float | None
    shift: Shift = Field(
        description="`higher` or `lower` where the value lies outside; `unknown` with too few patches or no reference."
    )
    patches: int = Field(description="The patches behind the value. Stain and sharpness are measured in stored images.")
    patients: int

    @classmethod
    def of(cls, measure: PatchMeasure, found: MeasuredPatches, reference: MeasureReference | None) -> Self:
        return cls.model_validate(
            {**vars(found), "measure": measure, "training": None if reference is None else reference.mean}
        )


class SlideStatistics(BaseModel):
    """The patches of the latest whole slides beside the training's. For research use only; not a medical device."""

    model_config = ConfigDict(from_attributes=True)

    slides: int = Field(description="Each counts as one patient.")
    patches: int
    other_models: int = Field(description="Of the slides asked for, those that another model scored: left out.")
    oldest_at: datetime | None = Field(description="When the first of them was done.")
    newest_at: datetime | None
    measures: list[MeasureItem] = Field(
        description="`probability` and `unfamiliar`, of each patch alone. Others are not known of slides."
    )
    probability_shares: list[float] | None = Field(
        description="Share of patches in ten bins of P(IDC), each slide with equal weight; null without slides."
    )


class PatchStatistics(BaseModel):
    """The latest patches beside the training's. For research use only; not a medical device."""

    model_config = ConfigDict(from_attributes=True)

    version: str | None = Field(description="The version that serves: only its results are compared.")
    has_reference: bool = Field(description="Whether the version's bundle has a training reference.")
    false_alarms: float = Field(
        default=FALSE_ALARMS,
        description=(
            "How often some measure of unchanged patches is `higher` or `lower` by chance, in one check: as computed. "
            "Of single patients of the public set it was 2.2 %."
        ),
    )
    patches: int
    other_models: int = Field(description="Of the patches asked for, those that another model classified: left out.")
    patients: int = Field(description="Different patients; else slides, else folders, where no patient is named.")
    unnamed: int = Field(description="Patches that name none of them: they count as those of one patient.")
    oldest_at: datetime | None
    newest_at: datetime | None
    measures: list[MeasureItem]
    probability_shares: list[float] | None = Field(
        description="Share of patches in ten bins of P(IDC), each patient with equal weight; null without patches."
    )
    training_probability_shares: list[float] | None = Field(description="Of the training; null without a reference.")
    slides: SlideStatistics | None = Field(description="Whole slides; null without a slides service that answers.")
    slides_trouble: str | None = Field(description="Why `slides` is null where there is a slides service.")


@router.get("/statistics", dependencies=[Depends(requires(Scope.READ))])
async def get_statistics(
    gateway: GatewayDependency,
    patches: Annotated[int, Query(ge=20, le=10_000, description="How many of the latest patches to compare.")] = 1000,
    slides: Annotated[int, Query(ge=1, le=100, description="How many of the latest slides to compare.")] = 20,
) -> PatchStatistics:
    """The latest patches beside the training's: P(IDC), shares of uncertain and unfamiliar, stain and sharpness.

    The patches of whole slides are compared apart, as `slides`: by P(IDC) and the share of unfamiliar ones.
    """
    model = _newest(await gateway.inference.describe())
    sha256, reference = None if model is None else model.sha256, reference_of(model)
    latest = await executors.images(gateway.drift.latest, patches, sha256, reference)
    compared, trouble = await _slides(gateway, slides, sha256 or "", reference)
    return PatchStatistics.model_validate(
        {
            **vars(latest),
            "version": None if model is None else model.version,
            "has_reference": reference is not None,
            "measures": _items(latest.measures, reference),
            "training_probability_shares": None if reference is None else reference.probability_shares,
            "slides": compared and {**vars(compared), "measures": _items(compared.measures, reference)},
            "slides_trouble": trouble,
        }
    )


async def _slides(
    gateway: Gateway, limit: int, sha256: str, reference: TrainingReference | None
) -> tuple[ComparedSlides | None, str | None]:
    """The latest slides, or why they are not known; neither without a slides service."""
    if gateway.slides is None:
        return None, None
    try:
        answer = await gateway.slides.connection.ask(
            "GET", "/latest-slides", query={"limit": str(limit), "model_sha256": sha256}
        )
        document = await answer.read()
        if answer.status != HTTPStatus.OK:
            return None, f"the slides service answers {answer.status}: it may have another version"
        return compare_slides(LatestSlides.model_validate_json(document), reference), None
    except (GatewayError, ValidationError) as exc:
        return None, str(exc) if isinstance(exc, GatewayError) else "the slides service's answer is invalid"


def _items(measures: Mapping[PatchMeasure, MeasuredPatches], reference: TrainingReference | None) -> list[MeasureItem]:
    references = {} if reference is None else reference.measures
    return [MeasureItem.of(measure, measured, references.get(measure)) for measure, measured in measures.items()]


def _newest(models: list[ModelDescription]) -> ModelDescription | None:
    """While versions change, servers may have different ones: the newest counts."""
    numbered = [model for model in models if model.version is not None and model.version.isdecimal()]
    return max(numbered, key=lambda model: int(model.version or ""), default=models[0] if models else None)


def reference_of(model: ModelDescription | None) -> TrainingReference | None:
    """The training reference in a model's figures; None where it has none that this version of the program reads."""
    given: Any = None if model is None or model.figures is None else model.figures.get("reference")
    try:
        return None if given is None else TrainingReference.model_validate(given)
    except ValidationError:
        return None
