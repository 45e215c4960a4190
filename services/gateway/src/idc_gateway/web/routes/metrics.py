"""The gateway's figures for Prometheus."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials

from idc_gateway.access.scopes import Scope
from idc_gateway.web.dependencies import (
    GatewayDependency,
    authenticated,
    bearer,
    peer_in,
    refuse_other_sites,
    refuse_rebound_names,
    requires,
)
from idc_gateway.web.metrics import CONTENT_TYPE

router = APIRouter(tags=["health"])


async def may_read(
    request: Request,
    gateway: GatewayDependency,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> None:
    """Let in who has the key for it or the scope `read`, and whoever asks from a network of the settings.

    Raises:
        Unauthenticated: None of these.
        CrossSite: A browser in such a network was sent here by another site.
        Forbidden: The key lacks the scope.
    """
    is_key = credentials is not None and gateway.metrics_key.fits(credentials.credentials)
    if is_key:
        return
    if peer_in(request, gateway.settings.metrics_networks) is not None:
        refuse_other_sites(request, gateway.settings)
        refuse_rebound_names(request, gateway.settings)
    else:
        await requires(Scope.READ)(await authenticated(request, gateway, credentials))


@router.get(
    "/metrics",
    dependencies=[Depends(may_read)],
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def read_metrics(gateway: GatewayDependency) -> Response:
    """Counts and states in Prometheus's text format; nothing in them names a patient, a file or a user."""
    return Response(gateway.exposition(), media_type=CONTENT_TYPE)
