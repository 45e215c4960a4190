"""The state of the gateway and of everything behind it."""

from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from shutil import disk_usage
from typing import Final

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, field_serializer

from idc_contracts import utc_now
from idc_gateway import executors
from idc_gateway.access.scopes import Scope
from idc_gateway.web.dependencies import GatewayDependency, requires
from idc_gateway.web.rooms import Gateway

router = APIRouter(tags=["status"])

LEAST_FREE_BYTES: Final = 1_000_000_000


class OutboxStatus(BaseModel):
    """Messages on their way to the alarms."""

    waiting: int
    oldest_age_s: float
    degraded: bool
    expired: int = Field(description="Messages that waited too long and were dropped, since the start.")


class ImageStatus(BaseModel):
    """Stored images."""

    stored: bool = Field(description="Whether images are stored at all.")
    count: int
    bytes: int


class DiskStatus(BaseModel):
    """The disk of the database, and of images where they are stored in files."""

    free_bytes: int
    total_bytes: int

    @property
    def is_short(self) -> bool:
        """Whether it may be full soon."""
        return self.free_bytes < LEAST_FREE_BYTES


class CertificateStatus(BaseModel):
    """The end of one certificate, as it was seen within the last hour."""

    model_config = ConfigDict(from_attributes=True)

    name: str = Field(description="Whose it is.")
    ends_at: datetime | None = Field(description="Null where it could not be read.")
    usable: bool | None = Field(description="False where it has expired or is not trusted; null where nobody knows.")
    trouble: str | None = Field(description="Why it is not usable, or could not be read.")


class InferenceServerStatus(BaseModel):
    """One inference server."""

    model_config = ConfigDict(from_attributes=True)

    url: str
    ready: bool = Field(validation_alias="is_ready")
    breaker: str = Field(description="`closed`; `open` after failures in a row; `half-open` when a trial is due.")
    in_progress: int
    looked_s_ago: float | None = Field(description="Age of `ready` in seconds; null before the first check.")

    @field_serializer("looked_s_ago")
    def _rounded(self, seconds: float | None) -> float | None:
        return None if seconds is None else round(seconds, 1)


class GatewayStatus(BaseModel):
    """The state of everything."""

    version: str
    site: str
    broker_connected: bool
    inference_ready: bool
    inference_servers: list[InferenceServerStatus]
    store: str = Field(description="`ok`, or what is wrong.")
    slides: str = Field(description="`ok`, what is wrong, or `off` without a slides service.")
    slides_version: str | None = Field(description="Of the slides service; null without one, or before it answers.")
    outbox: OutboxStatus
    images: ImageStatus
    disk: DiskStatus | None = Field(description="Null where it cannot be read.")
    certificates: list[CertificateStatus]
    degraded: list[str] = Field(description="What is wrong, in words; empty if everything works.")


@router.get("/status", dependencies=[Depends(requires(Scope.READ))])
async def get_status(gateway: GatewayDependency) -> GatewayStatus:
    """The state of everything, with what is wrong in words."""
    store, images = await gateway.store_check.result(), await gateway.results.check_images()
    count, size_bytes = await executors.reads(gateway.results.index.total)
    backlog, disk = gateway.messages.backlog, _disk(gateway.settings.data_dir)
    return GatewayStatus(
        version=version("idc-gateway"),
        site=gateway.settings.site,
        broker_connected=gateway.messages.bus.is_connected,
        inference_ready=gateway.inference.is_ready,
        inference_servers=[InferenceServerStatus.model_validate(server) for server in gateway.inference.states],
        store=store,
        slides="off" if gateway.slides is None else gateway.slides.follower.trouble or "ok",
        slides_version=None if gateway.slides is None else gateway.slides.connection.version,
        outbox=OutboxStatus(
            waiting=backlog.state.waiting,
            oldest_age_s=round(backlog.state.oldest_age_s, 1),
            degraded=backlog.state.is_degraded,
            expired=backlog.expired,
        ),
        images=ImageStatus(stored=gateway.results.images is not None, count=count, bytes=size_bytes),
        disk=disk,
        certificates=[CertificateStatus.model_validate(end) for end in gateway.certificates.ends],
        degraded=[*_reasons(gateway, store, images), *_coming(gateway, disk)],
    )


def _disk(folder: Path) -> DiskStatus | None:
    try:
        usage = disk_usage(folder)
    except OSError:
        return None
    return DiskStatus(free_bytes=usage.free, total_bytes=usage.total)


def _coming(gateway: Gateway, disk: DiskStatus | None) -> list[str]:
    """What works now and soon will not."""
    now = utc_now()
    warnings = [warning for end in gateway.certificates.ends if (warning := end.warning(now))]
    if disk is not None and disk.is_short:
        warnings.append(f"the disk is nearly full, {disk.free_bytes / 1e9:.1f} GB are free: make room on it")
    return warnings


def _reasons(gateway: Gateway, store: str, images: str) -> list[str]:
    backlog, expired = gateway.messages.backlog.state, gateway.messages.backlog.expired
    rejected = gateway.alarms.board.rejected_messages
    slides = None if gateway.slides is None else gateway.slides.follower.trouble
    servers = [f"the inference server {one.url} {one.trouble}" for one in gateway.inference.states if one.trouble]
    reasons = {
        "the broker is not connected: messages wait in the outbox": not gateway.messages.bus.is_connected,
        f"the database: {store}": store != "ok",
        f"the image store: {images}": images != "ok",
        **dict.fromkeys(servers, True),
        f"screened slides are not announced: {slides}": slides is not None,
        f"{backlog.waiting} messages wait, the oldest for {backlog.oldest_age_s:.0f} s": backlog.is_degraded,
        f"{expired} messages waited too long and were dropped since the start": expired > 0,
        f"{rejected} messages of alarms were invalid since the start": rejected > 0,
    }
    return [reason for reason, applies in reasons.items() if applies]
