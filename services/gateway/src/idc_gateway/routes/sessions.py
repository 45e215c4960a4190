"""Sign the page in and out."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from idc_contracts import utc_now
from idc_gateway.audit import AuditEvent
from idc_gateway.dependencies import (
    SESSION_COOKIE,
    CurrentCaller,
    Gateway,
    GatewayDependency,
    RequestId,
    check_same_origin,
)
from idc_gateway.errors import Forbidden, Unauthenticated
from idc_gateway.passwords import MAX_LENGTH, MIN_LENGTH
from idc_gateway.scopes import Scope

sign_in_router = APIRouter(tags=["page"])
router = APIRouter(tags=["page"])


class KeySignIn(BaseModel):
    """Sign in with an API key."""

    key: str = Field(min_length=1, max_length=256)


class LinkSignIn(BaseModel):
    """Sign in with a one-time link's token."""

    link: str = Field(min_length=1, max_length=256)


class PasswordSignIn(BaseModel):
    """Sign in as a user."""

    name: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=MAX_LENGTH)


class NewPassword(BaseModel):
    """The password that the signed-in user wants."""

    password: str = Field(min_length=MIN_LENGTH, max_length=MAX_LENGTH)


class Session(BaseModel):
    """Who is signed in, and what they may do."""

    name: str
    is_user: bool = Field(description="False for an API key's session, which has no password.")
    scopes: list[Scope]


@sign_in_router.post("/session", status_code=204)
async def sign_in(
    request: Request,
    gateway: GatewayDependency,
    request_id: RequestId,
    form: KeySignIn | LinkSignIn | PasswordSignIn,
) -> Response:
    """Open a browser session with an API key, a one-time link, or a name and password."""
    check_same_origin(request)
    who = form.name if isinstance(form, PasswordSignIn) else type(form).__name__
    address = request.client.host if request.client else "unknown"
    gateway.sign_ins.check(who, address)
    try:
        token = await _open(gateway, form, request_id)
    except Unauthenticated:
        gateway.sign_ins.count_failure(who, address)
        # What was typed as a name may be a password: it is not written down.
        event = AuditEvent("sign-in.failed", "gateway", address, utc_now(), request_id)
        await gateway.record(event)
        raise
    return _with_session(request, gateway, token)


@router.get("/session")
async def get_session(caller: CurrentCaller) -> Session:
    """Who is signed in, and what they may do."""
    return Session(name=caller.name, is_user=caller.is_user, scopes=sorted(caller.scopes))


@router.put("/session/password", status_code=204)
async def set_password(
    request: Request, gateway: GatewayDependency, caller: CurrentCaller, request_id: RequestId, wanted: NewPassword
) -> Response:
    """Set the signed-in user's password; their other sessions end."""
    if not caller.is_user:
        raise Forbidden("an API key has no password: sign in as a user")
    await gateway.users.set_password(caller.name, wanted.password, request_id)
    return _with_session(request, gateway, await gateway.sessions.open(user_name=caller.name))


@router.delete("/session", status_code=204)
async def sign_out(request: Request, response: Response, gateway: GatewayDependency) -> None:
    """End the browser session."""
    token = request.cookies.get(SESSION_COOKIE)
    if token is not None:
        await gateway.sessions.end(token)
    response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="strict")


async def _open(gateway: Gateway, form: KeySignIn | LinkSignIn | PasswordSignIn, request_id: str) -> str:
    if isinstance(form, KeySignIn):
        key = await gateway.keyring.by_key(form.key.strip())
        return await gateway.sessions.open(key_name=key.name)
    if isinstance(form, LinkSignIn):
        user = await gateway.users.by_link(form.link, request_id)
    else:
        user = await gateway.users.by_password(form.name, form.password)
    return await gateway.sessions.open(user_name=user.name)


def _with_session(request: Request, gateway: Gateway, token: str) -> Response:
    response = Response(status_code=204)
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=gateway.settings.session_lifetime_h * 3600,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response
