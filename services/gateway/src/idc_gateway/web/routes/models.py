"""Which model serves."""

from typing import Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from idc_contracts import Thresholds
from idc_gateway.access.scopes import Scope
from idc_gateway.inference.ports import ModelDescription
from idc_gateway.web.dependencies import GatewayDependency, requires

router = APIRouter(tags=["models"])


class ModelItem(BaseModel):
    """One model as the inference service describes it. For research use only; not a medical device."""

    name: str
    version: str | None = Field(description="The version that answers now.")
    versions: list[str] = Field(description="All that can be asked for.")
    ready: bool = Field(description="Whether a server that has it is ready.")
    sha256: str | None = Field(description="Digest of the bundle's manifest.")
    thresholds: Thresholds | None
    card: str | None = Field(description="The model card, as Markdown; null where the server does not tell it.")
    figures: dict[str, Any] | None = Field(description="Its measured quality, as its manifest has it.")

    @classmethod
    def of(cls, model: ModelDescription, *, ready: bool) -> "ModelItem":
        """The answer for what the server said."""
        return cls.model_validate({**vars(model), "ready": ready})


class ModelList(BaseModel):
    """The models that serve."""

    items: list[ModelItem]


@router.get("/models", dependencies=[Depends(requires(Scope.READ))])
async def list_models(gateway: GatewayDependency) -> ModelList:
    """What serves, with its card, thresholds and figures."""
    models = await gateway.inference.describe()
    ready = {state.url for state in gateway.inference.states if state.trouble is None}
    return ModelList(items=[ModelItem.of(model, ready=not ready.isdisjoint(model.servers)) for model in models])
