"""Whether the latest patches are like those that the model was trained on."""

from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from idc_contracts.training_reference import MeasureReference, PatchMeasure, TrainingReference
from idc_gateway import executors
from idc_gateway.access.scopes import Scope
from idc_gateway.drift.comparison import FALSE_ALARMS, MeasuredPatches, Shift
from idc_gateway.inference.ports import ModelDescription
from idc_gateway.web.dependencies import GatewayDependency, requires

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


class PatchStatistics(BaseModel):
    """The latest patches beside the training's. For research use only; not a medical device."""

    model_config = ConfigDict(from_attributes=True)

    version: str | None = Field(description="The version that serves: only its results are compared.")
    has_reference: bool = Field(description="Whether the version's bundle has a training reference.")
    false_alarms: float = Field(
        default=FALSE_ALARMS,
        description="How often some measure of unchanged patches is `higher` or `lower` by chance, at one look.",
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


@router.get("/statistics", dependencies=[Depends(requires(Scope.READ))])
async def get_statistics(
    gateway: GatewayDependency,
    patches: Annotated[int, Query(ge=20, le=10_000, description="How many of the latest patches to compare.")] = 1000,
) -> PatchStatistics:
    """The latest patches beside the training's: P(IDC), shares of uncertain and unfamiliar, stain and sharpness."""
    model = _newest(await gateway.inference.describe())
    sha256, reference = None if model is None else model.sha256, reference_of(model)
    found = await executors.images(gateway.drift.latest, patches, sha256, reference)
    references = {} if reference is None else reference.measures
    return PatchStatistics.model_validate(
        {
            **vars(found),
            "version": None if model is None else model.version,
            "has_reference": reference is not None,
            "measures": [
                MeasureItem.of(measure, measured, references.get(measure))
                for measure, measured in found.measures.items()
            ],
            "training_probability_shares": None if reference is None else reference.probability_shares,
        }
    )


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
