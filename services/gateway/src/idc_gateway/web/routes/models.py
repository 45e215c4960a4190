"""The models that serve."""

from typing import Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from idc_contracts import Check, Thresholds
from idc_gateway.access.scopes import Scope
from idc_gateway.web.dependencies import InferenceDep, requires

router = APIRouter(tags=["models"])


class ModelItem(BaseModel):
    """One model as the inference service describes it. For research use only; not a medical device."""

    name: str
    version: str | None = Field(description="The version in service.")
    versions: list[str] = Field(description="All versions that can be requested.")
    ready: bool = Field(description="Whether a server with this version is ready.")
    sha256: str | None = Field(description="Digest of the bundle's manifest.")
    thresholds: Thresholds | None
    checks: list[Check] | None = Field(
        description="Limits of its further outputs, each with the reason that makes a result `uncertain`."
    )
    card: str | None = Field(description="The model card, as Markdown; null if the server has none.")
    figures: dict[str, Any] | None = Field(
        description="Its operating point, quality metrics and training reference, from its manifest."
    )
    server_version: str | None = Field(description="Of the inference server's program; null if it does not say.")
    device: str | None = Field(description="What computes it, such as `CPU`; null if the server does not say.")
    device_fallback_reason: str | None = Field(
        description="Why another device than the wanted one computes it; empty or null where it is the wanted one."
    )


class ModelList(BaseModel):
    """The models that serve."""

    items: list[ModelItem]


@router.get("/models", dependencies=[Depends(requires(Scope.READ))])
async def list_models(inference: InferenceDep) -> ModelList:
    """The models in service, with card, thresholds and quality metrics."""
    models = await inference.describe()
    ready = {state.url for state in inference.states if state.trouble is None}
    return ModelList(items=[ModelItem(**vars(model), ready=not ready.isdisjoint(model.servers)) for model in models])
