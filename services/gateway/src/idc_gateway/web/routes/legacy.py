"""The endpoints of the 2018 system, for clients that still call them."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.security import HTTPAuthorizationCredentials
from pydantic import BaseModel, Field

from idc_contracts import Decision
from idc_gateway.access.accounts import LEGACY_PREFIX, Caller
from idc_gateway.access.scopes import Scope
from idc_gateway.access.throttle import source_of
from idc_gateway.classifying.series import ClassifyJob
from idc_gateway.results.classifications import Classification
from idc_gateway.web.dependencies import (
    SESSION_COOKIE,
    GatewayDependency,
    RequestId,
    authenticated,
    bearer,
    peer_in,
    requires,
)
from idc_gateway.web.lasting_authority import running_of
from idc_gateway.web.rooms import Gateway
from idc_gateway.web.routes.intake import image_body, only_upload
from idc_gateway.web.same_site import reject_other_sites, reject_rebound_names

router = APIRouter(tags=["2018"])

_MESSAGES: Final = {
    Decision.IDC: "IDC Detected!",
    Decision.NO_IDC: "IDC Not Detected!",
    Decision.UNCERTAIN: "Uncertain: a pathologist must look at the patch",
}


class LegacyAnswer(BaseModel):
    """The answer of the 2018 system. For research use only; not a medical device."""

    Response: str
    ResponseMessage: str
    Results: int = Field(description="1 for IDC, 0 for none; an uncertain result counts as 0 and says so.")


class LegacyIdcAnswer(LegacyAnswer):
    """The answer of the 2018 system's later version."""

    Confidence: float = Field(description="P(IDC), regardless of the result: 0.02 means that IDC is unlikely.")


async def legacy_caller(
    request: Request,
    gateway: GatewayDependency,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Caller:
    """The caller: as everywhere, or anybody in a network that needs no key by the settings.

    Raises:
        Unauthenticated: Neither.
        CrossSite: A browser in such a network was sent here by another site.
        TooMany: The caller, or the caller's network, has sent too many requests within a minute.
        Busy: The caller has too many requests in progress.
    """
    address = peer_in(request, gateway.settings.legacy_open_networks)
    if credentials is None and SESSION_COOKIE not in request.cookies and address is not None:
        reject_other_sites(request, gateway.settings)
        reject_rebound_names(request, gateway.settings)
        gateway.access.rates.count(f"{LEGACY_PREFIX}{source_of(address)}")
        caller = Caller(f"{LEGACY_PREFIX}{address}", is_browser=False, scopes=frozenset({Scope.CLASSIFY}))
        # Half of all places: callers without a key must leave room for those with one.
        at_once = max(1, gateway.settings.max_requests_in_progress // 2)
        gateway.access.running.admit(running_of(request), caller, at_once=at_once)
        return caller
    caller = await authenticated(request, gateway, credentials)
    await requires(Scope.CLASSIFY)(caller)
    return caller


LegacyCaller = Annotated[Caller, Depends(legacy_caller)]


@router.post("/infer", openapi_extra=image_body(1))
async def infer_as_in_2018(
    request: Request, gateway: GatewayDependency, caller: LegacyCaller, request_id: RequestId
) -> LegacyAnswer:
    """Classify one patch, sent as the body or as the one part `images` of a form. An uncertain result counts as 0."""
    result = await _classify(request, gateway, caller, request_id)
    return LegacyAnswer(
        Response="OK",
        ResponseMessage=_MESSAGES[result.decision],
        Results=int(result.decision is Decision.IDC),
    )


@router.post("/IDC/infer", openapi_extra=image_body(1))
async def infer_idc_as_in_2018(
    request: Request, gateway: GatewayDependency, caller: LegacyCaller, request_id: RequestId
) -> LegacyIdcAnswer:
    """The same with `Confidence`, which is P(IDC)."""
    result = await _classify(request, gateway, caller, request_id)
    return LegacyIdcAnswer(
        Response="OK",
        ResponseMessage=f"{_MESSAGES[result.decision]} Confidence is P(IDC).",
        Results=int(result.decision is Decision.IDC),
        Confidence=result.probability,
    )


async def _classify(request: Request, gateway: Gateway, caller: Caller, request_id: str) -> Classification:
    with gateway.classifying.admitted():
        async with only_upload(request, gateway) as upload:
            result = await gateway.classifying.classify_one(upload, ClassifyJob(caller.name, request_id))
    await gateway.results.feed.notify()
    return result
