"""Sign the page in and out."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from idc_gateway.dependencies import SESSION_COOKIE, CurrentCaller, GatewayDependency, check_same_origin


class SignIn(BaseModel):
    """What the page sends to sign in."""

    key: str = Field(min_length=1, max_length=256)


class Session(BaseModel):
    """Who is signed in."""

    key_name: str


sign_in_router = APIRouter(tags=["page"])
router = APIRouter(tags=["page"])


@sign_in_router.post("/session", status_code=204)
async def sign_in(request: Request, response: Response, gateway: GatewayDependency, form: SignIn) -> None:
    """Open a browser session with an API key."""
    check_same_origin(request)
    token = await gateway.keyring.open_session(form.key.strip())
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=gateway.settings.session_lifetime_h * 3600,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


@router.get("/session")
async def get_session(caller: CurrentCaller) -> Session:
    """Who is signed in."""
    return Session(key_name=caller.name)


@router.delete("/session", status_code=204)
async def sign_out(request: Request, response: Response, gateway: GatewayDependency) -> None:
    """End the browser session."""
    token = request.cookies.get(SESSION_COOKIE)
    if token is not None:
        await gateway.keyring.end_session(token)
    response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="strict")
