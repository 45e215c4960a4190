"""Metrics for Prometheus."""

from fastapi import APIRouter, Depends, Request, Response

from idc_gateway.access.scopes import Scope
from idc_gateway.web.dependencies import Credentials, GatewayDependency, authenticated, peer_in, requires
from idc_gateway.web.metrics import CONTENT_TYPE
from idc_gateway.web.same_site import reject_other_sites, reject_rebound_names

router = APIRouter(tags=["health"])


async def may_read(request: Request, gateway: GatewayDependency, credentials: Credentials) -> None:
    """Admit callers with the key for metrics or the scope `read`, and callers in a network of the settings.

    Raises:
        Unauthenticated: The caller has no valid key and is in none of the networks.
        CrossSite: Another site sent a browser in such a network here.
        Forbidden: The key lacks the scope.
    """
    if credentials is not None and gateway.access.metrics_key.matches(credentials.credentials):
        return
    if peer_in(request, gateway.settings.metrics_networks) is not None:
        reject_other_sites(request, gateway.settings)
        reject_rebound_names(request, gateway.settings)
    else:
        await requires(Scope.READ)(await authenticated(request, gateway, credentials))


@router.get(
    "/metrics",
    dependencies=[Depends(may_read)],
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def read_metrics(gateway: GatewayDependency) -> Response:
    """Metrics in Prometheus's text format; they name no patient, file or user."""
    return Response(gateway.metrics.exposition(), media_type=CONTENT_TYPE)
