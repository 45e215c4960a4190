"""The endpoint of the 2018 system, for clients that still call it."""

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from idc_contracts import Decision
from idc_gateway.dependencies import CurrentCaller, GatewayDependency, RequestId, requires
from idc_gateway.requests import Request as Job
from idc_gateway.routes.intake import image_body, only_upload
from idc_gateway.scopes import Scope

router = APIRouter(tags=["2018"])

_MESSAGES = {
    Decision.IDC: "IDC Detected!",
    Decision.NO_IDC: "IDC Not Detected!",
    Decision.UNCERTAIN: "Uncertain: the patch needs a pathologist's look",
}


class LegacyAnswer(BaseModel):
    """The answer of the 2018 system."""

    Response: str
    ResponseMessage: str
    Results: int


@router.post("/infer", openapi_extra=image_body(1), dependencies=[Depends(requires(Scope.CLASSIFY))])
async def infer_as_in_2018(
    request: Request, gateway: GatewayDependency, caller: CurrentCaller, request_id: RequestId
) -> LegacyAnswer:
    """Classify one patch, sent as the body or as the one part `images` of a form. An uncertain result counts as 0."""
    with gateway.classifying.admitted():
        async with only_upload(request, gateway) as upload:
            result = await gateway.classifying.classify_one(upload, Job(caller.name, request_id))
    await gateway.feed.tell()
    return LegacyAnswer(
        Response="OK",
        ResponseMessage=_MESSAGES[result.decision],
        Results=1 if result.decision is Decision.IDC else 0,
    )
