"""Results as rows, and back."""

from typing import Any, Final

from sqlalchemy import Row

from idc_contracts import Decision, ModelRef, Reason, Thresholds
from idc_gateway.results.classifications import Classification, PatchOrigin, Review
from idc_gateway.sql.tables import classifications

COLUMNS: Final = [column.name for column in classifications.columns if column.name not in ("sequence", "verdict")]
"""Those of a new result: its number is the database's to give, and it has no review yet."""


def as_row(result: Classification) -> dict[str, Any]:
    return {
        "id": result.id,
        "name": result.name,
        "probability": result.probability,
        "decision": result.decision.value,
        "model_name": result.model.name,
        "model_version": result.model.version,
        "model_sha256": result.model.sha256,
        "no_idc_below": result.thresholds.no_idc_below,
        "idc_from": result.thresholds.idc_from,
        "latency_ms": result.latency_ms,
        "created_at": result.created_at,
        "width_px": result.width_px,
        "height_px": result.height_px,
        "patient": result.origin.patient,
        "slide": result.origin.slide,
        "x": result.origin.x,
        "y": result.origin.y,
        "w": result.origin.w,
        "h": result.origin.h,
        "um_per_px": result.origin.um_per_px,
        "folder": result.origin.folder,
        "reasons": " ".join(result.reasons),
        "once_key": result.once_key,
        "image_sha256": result.image_sha256,
    }


def from_row(row: Row[Any], review: Review | None) -> Classification:
    return Classification(
        id=row.id,
        name=row.name,
        probability=row.probability,
        decision=Decision(row.decision),
        model=ModelRef(name=row.model_name, version=row.model_version, sha256=row.model_sha256),
        thresholds=Thresholds(no_idc_below=row.no_idc_below, idc_from=row.idc_from),
        latency_ms=row.latency_ms,
        created_at=row.created_at,
        width_px=row.width_px,
        height_px=row.height_px,
        origin=PatchOrigin(row.patient, row.slide, row.x, row.y, row.w, row.h, row.um_per_px, row.folder),
        image_sha256=row.image_sha256,
        review=review,
        once_key=row.once_key,
        reasons=tuple(map(Reason, row.reasons.split())),
    )
