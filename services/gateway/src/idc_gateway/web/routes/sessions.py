"""Sign the page in and out."""

from typing import Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from idc_contracts import utc_now
from idc_gateway.access.accounts import GATEWAY, Caller, Proof, SignInBy
from idc_gateway.access.passwords import MAX_LENGTH, MIN_LENGTH
from idc_gateway.access.scopes import Scope
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import Forbidden, Unauthenticated, WrongPassword
from idc_gateway.web.dependencies import (
    SESSION_COOKIE,
    CurrentCaller,
    Gateway,
    GatewayDependency,
    RequestId,
    check_same_origin,
    source_of_request,
)
from idc_gateway.web.lasting_authority import running_of
from idc_gateway.web.routes.parameters import GivenName

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


class NewPassword(BaseModel):
    """The password that the signed-in user wants."""

    password: str = Field(
        min_length=MIN_LENGTH, max_length=MAX_LENGTH, description="Refused where it is easy to guess."
    )
    old_password: str | None = Field(
        default=None,
        max_length=MAX_LENGTH,
        description="The one until now; needed unless a sign-in link opened the session within 15 minutes.",
    )


_BY: Final[dict[type[BaseModel], str]] = {
    KeySignIn: SignInBy.KEY.value,
    LinkSignIn: SignInBy.LINK.value,
    PasswordSignIn: SignInBy.PASSWORD.value,
}


class Session(BaseModel):
    """Who is signed in, and what they may do."""

    name: str
    is_user: bool = Field(description="False for an API key's session, which has no password.")
    scopes: list[Scope]
    needs_old_password: bool = Field(description="Whether a new password needs the old one.")


@sign_in_router.post("/session", status_code=204)
async def sign_in(
    request: Request,
    gateway: GatewayDependency,
    request_id: RequestId,
    form: KeySignIn | LinkSignIn | PasswordSignIn,
) -> Response:
    """Open a browser session with an API key, a one-time link, or a name and password."""
    check_same_origin(request, gateway.settings)
    source, device = source_of_request(request), None
    if isinstance(form, PasswordSignIn):
        device = gateway.devices.device_of(request.cookies.get(DEVICE_COOKIE), form.name)
    try:
        proof = await _proven(gateway, form, source, device, request_id)
        gateway.rates.count(proof.name)
        token = await gateway.sessions.open(proof, request_id, source=source)
    except Unauthenticated:
        await _record_failure(gateway, source, request_id, _BY[type(form)])
        raise
    return _with_session(request, gateway, token, proof)


@router.get("/session")
async def get_session(caller: CurrentCaller) -> Session:
    """Who is signed in, and what they may do."""
    return Session(
        name=caller.name,
        is_user=caller.is_user,
        scopes=sorted(caller.scopes),
        needs_old_password=caller.is_user and caller.needs_old_password,
    )


@router.put("/session/password", status_code=204)
async def set_password(
    request: Request, gateway: GatewayDependency, caller: CurrentCaller, request_id: RequestId, wanted: NewPassword
) -> Response:
    """Set the signed-in user's password; their other sessions end."""
    if not caller.is_user:
        raise Forbidden("an API key has no password: sign in as a user")
    if caller.needs_old_password and wanted.old_password is None:
        raise WrongPassword(
            "give the old password as `old_password`; if you forgot it, ask an administrator for a sign-in link"
        )
    # Somebody who finds a signed-in PC must not guess: the session counts as the source, not its address.
    async with gateway.sign_ins.attempt(caller.name, f"session {caller.sha256}", is_known_device=True):
        if caller.needs_old_password and wanted.old_password is not None:
            await _check_old_password(request, gateway, caller, request_id, wanted.old_password)
        # This request is not to end with the session that it came with.
        running_of(request).caller = None
        user = await gateway.users.set_password(caller.name, wanted.password, request_id, session_sha256=caller.sha256)
    proof = Proof(user.name, SignInBy.PASSWORD, user.password_hash)
    token = await gateway.sessions.open(proof, request_id, source=source_of_request(request), new_password=True)
    return _with_session(request, gateway, token, proof)


@router.delete("/session", status_code=204)
async def sign_out(
    response: Response, gateway: GatewayDependency, caller: CurrentCaller, request_id: RequestId
) -> None:
    """End the browser session."""
    if caller.is_browser:  # a key that comes with somebody's cookie ends nobody's session
        await gateway.sessions.end(caller.sha256, caller.name, request_id)
    response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="strict")


async def _proven(
    gateway: Gateway, form: KeySignIn | LinkSignIn | PasswordSignIn, source: str, device: str | None, request_id: str
) -> Proof:
    # Keys and links have 256 bits: nobody guesses one, and a limit on wrong ones would only lock others out.
    if isinstance(form, KeySignIn):
        key = await gateway.keyring.by_key(form.key.strip())
        return Proof(key.name, SignInBy.KEY, key.sha256)
    if isinstance(form, LinkSignIn):
        user = await gateway.users.by_link(form.link, request_id)
        return Proof(user.name, SignInBy.LINK, user.password_hash, user.created_at)
    async with gateway.sign_ins.attempt(form.name, device or source, is_known_device=device is not None):
        user = await gateway.users.by_password(form.name, form.password)
    return Proof(user.name, SignInBy.PASSWORD, user.password_hash)


async def _check_old_password(
    request: Request, gateway: Gateway, caller: Caller, request_id: str, old_password: str
) -> None:
    try:
        await gateway.users.by_password(caller.name, old_password)
    except Unauthenticated as exc:
        await _record_failure(gateway, source_of_request(request), request_id, "old password")
        raise WrongPassword(
            "the old password is wrong; if you forgot it, ask an administrator for a sign-in link"
        ) from exc


async def _record_failure(gateway: Gateway, source: str, request_id: str, by: str) -> None:
    left_out = gateway.failed_sign_ins.to_record(source)
    if left_out is not None:
        # What was typed as a name may be a password: it is not written down.
        details = {"by": by, "not_recorded_before": left_out}
        await gateway.record(AuditEvent("sign-in.failed", GATEWAY, source, utc_now(), request_id, details))


def _with_session(request: Request, gateway: Gateway, token: str, proof: Proof) -> Response:
    response = Response(status_code=204)
    is_https = request.url.scheme == "https"
    lifetime_s = gateway.settings.session_lifetime_h * 3600
    response.set_cookie(SESSION_COOKIE, token, max_age=lifetime_s, httponly=True, samesite="strict", secure=is_https)
    if proof.by is SignInBy.PASSWORD:
        mark = gateway.devices.new_mark(proof.name)
        response.set_cookie(
            DEVICE_COOKIE,
            mark,
            path="/api/v1/session",
            max_age=_DEVICE_KNOWN_S,
            httponly=True,
            samesite="strict",
            secure=is_https,
        )
    return response
