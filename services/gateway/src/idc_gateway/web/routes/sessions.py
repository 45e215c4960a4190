"""Sign in to the page, sign out, and set the password."""

from typing import Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from idc_gateway.access.accounts import Proof, SignInBy
from idc_gateway.access.passwords import MAX_LENGTH, MIN_LENGTH
from idc_gateway.access.scopes import Scope
from idc_gateway.access.throttle import source_of
from idc_gateway.errors import Forbidden
from idc_gateway.web.dependencies import SESSION_COOKIE, AccessDep, CurrentCaller, RequestId, SettingsDep
from idc_gateway.web.lasting_authority import running_of
from idc_gateway.web.routes.parameters import GivenName
from idc_gateway.web.same_site import check_same_origin

DEVICE_COOKIE: Final = "idc_device"
_DEVICE_KNOWN_S: Final = 90 * 24 * 3600

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

    name: GivenName
    password: str = Field(min_length=1, max_length=MAX_LENGTH)


SignIn = KeySignIn | LinkSignIn | PasswordSignIn
_BY: Final = {KeySignIn: SignInBy.KEY, LinkSignIn: SignInBy.LINK, PasswordSignIn: SignInBy.PASSWORD}


class NewPassword(BaseModel):
    """The new password of the signed-in user."""

    password: str = Field(min_length=MIN_LENGTH, max_length=MAX_LENGTH, description="Rejected if it is easy to guess.")
    old_password: str | None = Field(
        default=None,
        max_length=MAX_LENGTH,
        description="Needed unless a sign-in link opened the session within the last 15 minutes.",
    )


class Session(BaseModel):
    """Who is signed in, with which permissions."""

    name: str
    is_user: bool = Field(description="False for an API key's session, which has no password.")
    scopes: list[Scope]
    needs_old_password: bool = Field(description="Whether a new password needs the old one.")


@sign_in_router.post("/session", status_code=204)
async def sign_in(
    request: Request, access: AccessDep, settings: SettingsDep, request_id: RequestId, form: SignIn
) -> Response:
    """Open a browser session with an API key, a one-time link, or a name and password."""
    check_same_origin(request, settings)
    source = _source(request)
    async with access.sign_ins.recorded(_BY[type(form)], source, request_id):
        if isinstance(form, KeySignIn):
            proof = await access.sign_ins.by_key(form.key)
        elif isinstance(form, LinkSignIn):
            proof = await access.sign_ins.by_link(form.link, request_id)
        else:
            mark = request.cookies.get(DEVICE_COOKIE)
            proof = await access.sign_ins.by_password(form.name, form.password, source, mark)
        access.rates.count(proof.name)
        token = await access.sessions.open(proof, request_id, source=source)
    return _with_session(request, access, settings, token, proof)


@router.get("/session")
async def get_session(caller: CurrentCaller) -> Session:
    """Who is signed in, with which permissions."""
    return Session(
        name=caller.name,
        is_user=caller.is_user,
        scopes=sorted(caller.scopes),
        needs_old_password=caller.is_user and caller.needs_old_password,
    )


@router.put("/session/password", status_code=204)
async def set_password(
    request: Request,
    access: AccessDep,
    settings: SettingsDep,
    caller: CurrentCaller,
    request_id: RequestId,
    new: NewPassword,
) -> Response:
    """Set the signed-in user's password; the user's other sessions end."""
    if not caller.is_user:
        raise Forbidden("an API key has no password: sign in as a user")
    running_of(request).caller = None  # this request must not end with its session
    source = _source(request)
    proof = await access.sign_ins.change_password(caller, new.password, new.old_password, source, request_id)
    token = await access.sessions.open(proof, request_id, source=source, new_password=True)
    return _with_session(request, access, settings, token, proof)


@router.delete("/session", status_code=204)
async def sign_out(response: Response, access: AccessDep, caller: CurrentCaller, request_id: RequestId) -> None:
    """End the browser session."""
    if caller.is_browser:  # a key sent with somebody's cookie must not end that session
        await access.sessions.end(caller.sha256, caller.name, request_id)
    response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="strict")


def _source(request: Request) -> str:
    return source_of(request.client.host if request.client else None)


def _with_session(request: Request, access: AccessDep, settings: SettingsDep, token: str, proof: Proof) -> Response:
    response = Response(status_code=204)
    cookies = [(SESSION_COOKIE, token, settings.session_lifetime_h * 3600, "/")]
    if proof.by is SignInBy.PASSWORD:
        mark = access.sign_ins.devices.new_mark(proof.name)
        cookies.append((DEVICE_COOKIE, mark, _DEVICE_KNOWN_S, "/api/v1/session"))
    is_https = request.url.scheme == "https"
    for name, value, max_age_s, path in cookies:
        response.set_cookie(
            name, value, max_age=max_age_s, path=path, httponly=True, samesite="strict", secure=is_https
        )
    return response
