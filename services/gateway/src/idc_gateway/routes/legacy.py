"""The endpoint of the 2018 system, for clients that still call it."""

from fastapi import APIRouter, Request

from idc_contracts import Decision
from idc_gateway.dependencies import CurrentCaller, GatewayDependency, RequestId
from idc_gateway.errors import BadInput
from idc_gateway.routes.classifications import IMAGE_BODY, classify_request
from idc_gateway.routes.schemas import LegacyAnswer

router = APIRouter(tags=["2018"])

_MESSAGES = {
    Decision.IDC: "IDC Detected!",
    Decision.NO_IDC: "IDC Not Detected!",
    Decision.UNCERTAIN: "Uncertain: the patch needs a pathologist's look",
}


@router.post("/infer", openapi_extra=IMAGE_BODY)
async def infer_as_in_2018(
    request: Request, gateway: GatewayDependency, caller: CurrentCaller, request_id: RequestId
) -> LegacyAnswer:
    """Classify one patch, sent as the body or as the one part `images` of a form. An uncertain result counts as 0."""
    results = await classify_request(request, gateway, caller, request_id)
    if len(results) != 1:
        raise BadInput(f"this endpoint takes one image, got {len(results)}: send many to /api/v1/classifications")
    decision = results[0].decision
    return LegacyAnswer(
        Response="OK", ResponseMessage=_MESSAGES[decision], Results=1 if decision is Decision.IDC else 0
    )
