"""A made-up comparison of a candidate with version 2."""

from datetime import UTC, datetime

from idc_contracts import ModelRef
from idc_contracts.bundle import Estimate
from idc_contracts.promotion import ComparedMeasure, ModelComparison, ModelPromotion, Verdict

AT = datetime(2026, 1, 1, tzinfo=UTC)


def made_comparison(version: str, verdict: Verdict = Verdict.NO_WORSE) -> ModelComparison:
    difference = Estimate(value=0.01, low=-0.01, high=0.03)
    measure = ComparedMeasure(candidate=0.96, serving=0.95, difference=difference)
    return ModelComparison(
        compared_at=AT,
        by="Ada",
        command="idc-trainer promote",
        candidate=ModelRef(name="idc", version=version, sha256="1" * 64),
        serving=ModelRef(name="idc", version="2", sha256="2" * 64),
        data_sha256="3" * 64,
        patients=30,
        patches=3000,
        verdict=verdict,
        auc=measure,
        balanced_accuracy=measure,
    )


def made_promotion(version: str) -> ModelPromotion:
    return ModelPromotion(promoted_at=AT, by="Ada", comparison=made_comparison(version))
