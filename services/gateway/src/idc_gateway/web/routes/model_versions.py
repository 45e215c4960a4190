"""The versions of the model: list them with their metrics, promote one, roll back."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi import Path as PathParameter
from pydantic import BaseModel, Field

from idc_contracts import utc_now
from idc_gateway import executors
from idc_gateway.access.scopes import Scope
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.idempotency.job import Job
from idc_gateway.inference.model_choice import choose_at, versions_at
from idc_gateway.inference.ports import ModelVersion
from idc_gateway.web.dependencies import AuditDep, CurrentJob, InferenceDep, SettingsDep, requires
from idc_gateway.web.rooms import Audit

router = APIRouter(tags=["models"], dependencies=[Depends(requires(Scope.ADMIN))])

Version = Annotated[str, PathParameter(pattern=r"^[1-9][0-9]{0,17}$", description="A whole number.")]


class ServerVersions(BaseModel):
    """The versions at one inference server, newest first."""

    server: str = Field(description="Its URL.")
    items: list[ModelVersion]


class VersionList(BaseModel):
    """The versions at every inference server. For research use only; not a medical device."""

    name: str = Field(description="The model.")
    servers: list[ServerVersions]


@router.get("/models/versions")
async def list_model_versions(inference: InferenceDep, settings: SettingsDep) -> VersionList:
    """Every version and candidate of the model, with the metrics by which it was promoted or refused."""
    versions = await versions_at(inference.endpoints)
    return VersionList(
        name=settings.model_name, servers=[ServerVersions(server=url, items=items) for url, items in versions.items()]
    )


@router.post("/models/versions/{version}/promote")
async def promote_model_version(
    version: Version, inference: InferenceDep, settings: SettingsDep, audit: AuditDep, job: CurrentJob
) -> VersionList:
    """Let a version serve that `idc-trainer promote --hold` compared and put in its place, or an earlier one.

    The answer comes when every inference server has verified, compiled and tested it; newer versions are withdrawn.
    """
    await _record("model.promotion-ordered", version, settings.model_name, audit, job)
    await choose_at(inference.endpoints, version, job.caller, serves=True)
    return await list_model_versions(inference, settings)


@router.post("/models/versions/{version}/roll-back")
async def roll_back_model_version(
    version: Version, inference: InferenceDep, settings: SettingsDep, audit: AuditDep, job: CurrentJob
) -> VersionList:
    """Withdraw the version that serves; the one before it serves. Its bundle stays, and it can be promoted again."""
    await _record("model.roll-back-ordered", version, settings.model_name, audit, job)
    await choose_at(inference.endpoints, version, job.caller, serves=False)
    return await list_model_versions(inference, settings)


async def _record(action: str, version: str, model: str, audit: Audit, job: Job) -> None:
    """Record the order before anything changes; the first result of another model is `model.changed`."""
    event = AuditEvent(action, job.caller, model, utc_now(), job.request_id, {"version": version})
    await executors.writes(audit.store.record, [event])
