"""Whether the gateway lives and can work. No key is needed."""

from fastapi import APIRouter, Response
from pydantic import BaseModel

from idc_gateway.web.dependencies import GatewayDependency

router = APIRouter(tags=["health"])


class Readiness(BaseModel):
    """Each check with its finding."""

    ready: bool
    checks: dict[str, str]


@router.get("/livez")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get("/readyz", responses={503: {"model": Readiness}})
async def ready(gateway: GatewayDependency, response: Response) -> Readiness:
    """Results can be made and stored. A lost broker is told, but is no reason to refuse: results wait in the outbox.

    Inference is not asked here: one task watches it, and what it found is at most 10 s old.
    """
    store = await gateway.store_check.finding()
    images = await gateway.images_finding()
    # Without the servers' addresses: no key is asked for here.
    troubles = dict.fromkeys(f"a server {state.trouble}" for state in gateway.inference.states if state.trouble)
    inference = "ok" if gateway.inference.is_ready else f"failed: {'; '.join(troubles)}"
    is_ready = store == inference == images == "ok"
    response.status_code = 200 if is_ready else 503
    broker = "ok" if gateway.bus.is_connected else "degraded: not connected; messages wait in the outbox"
    checks = {"store": store, "inference": inference, "broker": broker}
    return Readiness(ready=is_ready, checks=checks if images == "ok" else {**checks, "images": images})
