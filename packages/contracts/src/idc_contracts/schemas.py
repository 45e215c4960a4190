"""JSON Schemas of every message, of the bundle manifest and of the records of the gate, from the models themselves."""

from typing import Any, Final

from idc_contracts.base import Contract
from idc_contracts.bundle import BundleManifest
from idc_contracts.promotion import ModelComparison, ModelPromotion, ModelWithdrawal
from idc_contracts.topics import TOPICS

SCHEMA_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema_of(model: type[Contract]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one contract, as a producer writes it."""
    return {"$schema": SCHEMA_DIALECT, **model.model_json_schema(mode="serialization")}


def all_schemas() -> dict[str, dict[str, Any]]:
    """Every published schema by its file name without the ending."""
    models: set[type[Contract]] = {topic.message for topic in TOPICS}
    models |= {BundleManifest, ModelComparison, ModelPromotion, ModelWithdrawal}
    return {model.__name__: schema_of(model) for model in sorted(models, key=lambda model: model.__name__)}
