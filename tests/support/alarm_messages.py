"""Messages that the alarm reads, made short for tests."""

from typing import Any
from uuid import UUID, uuid4

from idc_contracts import AcknowledgeAlarm, Decision, ModelRef, PatchClassified, SlideScreened, Thresholds, utc_now

_THRESHOLDS = Thresholds(no_idc_below=0.3, idc_from=0.7)
_MODEL = ModelRef(name="idc", version="1", sha256="ab" * 32)
_PROBABILITY = {Decision.IDC: 0.9, Decision.UNCERTAIN: 0.5, Decision.NO_IDC: 0.1}


def patch_classified(decision: Decision | str, classification_id: UUID | None = None, **fields: Any) -> PatchClassified:
    decision = Decision(decision)
    return PatchClassified(
        source="gateway",
        classification_id=classification_id or uuid4(),
        probability=_PROBABILITY[decision],
        decision=decision,
        model=_MODEL,
        thresholds=_THRESHOLDS,
        latency_ms=10.0,
        classified_at=utc_now(),
        **fields,
    )


def slide_screened(decision: Decision | str, slide_id: UUID | None = None, **fields: Any) -> SlideScreened:
    decision = Decision(decision)
    return SlideScreened(
        source="gateway",
        slide_id=slide_id or uuid4(),
        decision=decision,
        tissue_mm2=200.0,
        idc_mm2=12.0 if decision is Decision.IDC else 0.0,
        uncertain_mm2=6.0 if decision is Decision.UNCERTAIN else 0.0,
        minimum_idc_mm2=0.2,
        model=_MODEL,
        screened_at=utc_now(),
        **fields,
    )


def acknowledge(**fields: Any) -> AcknowledgeAlarm:
    return AcknowledgeAlarm(source="operator", by="nurse", **fields)
