"""Liveness and readiness, without a key."""

from fastapi import APIRouter, Response
from pydantic import BaseModel

from idc_gateway.web.dependencies import GatewayDependency

router = APIRouter(tags=["health"])


class Readiness(BaseModel):
    """Each check with its result."""

    ready: bool
    checks: dict[str, str]


@router.get("/livez")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get("/readyz", responses={503: {"model": Readiness}})
async def ready(gateway: GatewayDependency, response: Response) -> Readiness:
    """Whether patches can be classified and stored. Without the broker the gateway is ready: messages are queued.

    Inference is not contacted here: a background task checked it at most 10 s ago.
    """
    store, images = await gateway.store_check.result(), await gateway.results.check_images()
    # Without the servers' addresses: no key is needed here.
    troubles = dict.fromkeys(f"a server {state.trouble}" for state in gateway.inference.states if state.trouble)
    inference = "ok" if gateway.inference.is_ready else f"failed: {'; '.join(troubles)}"
    is_connected = gateway.messages.bus.is_connected
    checks = {
        "store": store,
        "inference": inference,
        "broker": "ok" if is_connected else "degraded: not connected; messages wait in the outbox",
    }
    if images != "ok":
        checks["images"] = images
    is_ready = store == inference == images == "ok"
    response.status_code = 200 if is_ready else 503
    return Readiness(ready=is_ready, checks=checks)
