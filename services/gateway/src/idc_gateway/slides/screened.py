"""A screened slide as the gateway announces it: one event for the alarms, one record in the audit chain."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter, ValidationError

from idc_contracts import SLIDES, SlideScreened
from idc_contracts.slides import Slide
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import SlidesBroken
from idc_gateway.messages.ports import OutgoingMessage

SCREENED: Final = "slide.screened"
DECISION_CHANGED: Final = "slide.decision-changed"
NOT_ANNOUNCED: Final = "slide.not-announced"
_ACTOR: Final = "gateway"
_LARGEST: Final = 2**31 - 1


class ScreenedEntry(BaseModel):
    """One entry of the service's list. The slide is read later: one bad record must not hold up the others."""

    number: int = Field(ge=1, le=_LARGEST)
    message_id: UUID
    slide: dict[str, Any]
    decided_at: AwareDatetime | None = None
    """When reviews changed the decision; None where it is the screening's."""


class ScreenedPage(BaseModel):
    """Slides that became `done`, and decisions that reviews changed, in order."""

    items: list[ScreenedEntry]
    last: int = Field(ge=0, le=_LARGEST, description="The newest number in the service's list.")


_page: Final = TypeAdapter(ScreenedPage)


def read_page(document: bytes) -> ScreenedPage:
    """Raises SlidesBroken where it is not a page of the list."""
    try:
        return _page.validate_json(document)
    except ValidationError as exc:
        raise SlidesBroken(f"the slides service's list of screened slides is invalid: {_first_of(exc)}") from exc


@dataclass(frozen=True)
class Announcement:
    """What is stored of one entry, in one transaction."""

    number: int
    message_id: UUID
    event: AuditEvent
    message: OutgoingMessage | None
    """None for a record that cannot be announced; the event says why."""

    @property
    def at(self) -> datetime:
        return self.event.at


def announcement_of(entry: ScreenedEntry, *, site: str, device: str, now: datetime) -> Announcement:
    """What an entry becomes. The file's name is in neither, since it may identify the patient."""
    try:
        slide = Slide.model_validate(entry.slide)
        message = _message_of(entry, slide, device=device, now=now)
    except ValueError as exc:  # pydantic's errors are ValueErrors
        reason = _first_of(exc) if isinstance(exc, ValidationError) else str(exc)
        details = {"message_id": str(entry.message_id), "number": entry.number, "reason": reason[:500]}
        subject = str(entry.slide.get("id"))[:64]
        return Announcement(
            entry.number, entry.message_id, AuditEvent(NOT_ANNOUNCED, _ACTOR, subject, now, None, details), None
        )
    action = SCREENED if entry.decided_at is None else DECISION_CHANGED
    event = AuditEvent(action, _ACTOR, str(slide.id), now, None, _details(slide, message))
    outgoing = OutgoingMessage(SLIDES.at(site=site, device=device), message.to_payload())
    return Announcement(entry.number, entry.message_id, event, outgoing)


def _message_of(entry: ScreenedEntry, slide: Slide, *, device: str, now: datetime) -> SlideScreened:
    if slide.decision is None or slide.model is None or slide.finished_at is None:
        raise ValueError("the slide's record has no decision, no model or no end")
    return SlideScreened(
        message_id=entry.message_id,
        # An alarm judges by it how old the finding is; the other machine's clock must not put it into the future.
        sent_at=min(entry.decided_at or slide.finished_at, now),
        source=device,
        slide_id=slide.id,
        decision=slide.decision,
        tissue_mm2=slide.tissue.mm2 if slide.tissue else 0.0,
        idc_mm2=slide.idc.mm2 if slide.idc else 0.0,
        uncertain_mm2=slide.uncertain.mm2 if slide.uncertain else 0.0,
        minimum_idc_mm2=slide.minimum_idc_mm2,
        model=slide.model,
        screened_at=slide.finished_at,
    )


def _details(slide: Slide, message: SlideScreened) -> dict[str, Any]:
    kept = {"message_id", "decision", "tissue_mm2", "idc_mm2", "uncertain_mm2", "minimum_idc_mm2", "model"}
    details = message.model_dump(mode="json", include=kept)
    cut = None if slide.cut is None else slide.cut.model_dump(mode="json", include={"logit", "moved_by", "reviews"})
    return {**details, "sha256": slide.sha256, "cut": cut, "received_by": slide.received_by, "source": slide.source}


def _first_of(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'document'}: {first['msg']}"
