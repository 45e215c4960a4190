"""The page's users."""

from datetime import datetime

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from idc_gateway.access.accounts import User
from idc_gateway.access.scopes import Role, Scope
from idc_gateway.web.dependencies import CurrentCaller, Gateway, GatewayDependency, RequestId, requires
from idc_gateway.web.routes.keys import AccountName
from idc_gateway.web.routes.parameters import GivenName

router = APIRouter(tags=["accounts"], dependencies=[Depends(requires(Scope.ADMIN))])


class NewUser(BaseModel):
    """Who is to use the page, as what."""

    name: AccountName
    role: Role


class NewRole(BaseModel):
    """What a user is to be."""

    role: Role


class UserItem(BaseModel):
    """A user."""

    name: str
    role: Role
    created_at: datetime
    has_password: bool

    @classmethod
    def of(cls, user: User) -> "UserItem":
        """The answer for a stored user."""
        return cls(
            name=user.name, role=user.role, created_at=user.created_at, has_password=user.password_hash is not None
        )


class SignInLink(BaseModel):
    """A link that lets a user in once, to set a password."""

    sign_in_link: str = Field(description="Hand it over safely; it works once, within an hour.")


class MadeUser(UserItem, SignInLink):
    """A new user with their link."""


class UserList(BaseModel):
    """Every user."""

    items: list[UserItem]


@router.post("/users", status_code=201)
async def create_user(
    gateway: GatewayDependency, caller: CurrentCaller, request_id: RequestId, wanted: NewUser
) -> MadeUser:
    """Make a user; they come in by the link and set a password."""
    user, token = await gateway.users.create(wanted.name, wanted.role, caller.name, request_id)
    return MadeUser(**UserItem.of(user).model_dump(), sign_in_link=link_of(gateway, token))


@router.get("/users")
async def list_users(gateway: GatewayDependency, caller: CurrentCaller, request_id: RequestId) -> UserList:
    """Every user."""
    await gateway.accesses.record("users.listed", caller, "users", request_id)
    return UserList(items=[UserItem.of(user) for user in await gateway.users.all()])


@router.put("/users/{name}/role")
async def set_user_role(
    gateway: GatewayDependency, caller: CurrentCaller, request_id: RequestId, name: GivenName, wanted: NewRole
) -> UserItem:
    """Give a user another role; it holds from their next request on."""
    return UserItem.of(await gateway.users.set_role(name, wanted.role, caller.name, request_id))


@router.post("/users/{name}/sign-in-link", status_code=201)
async def create_sign_in_link(
    gateway: GatewayDependency, caller: CurrentCaller, request_id: RequestId, name: GivenName
) -> SignInLink:
    """A new link for a user who forgot the password; the one before works no more."""
    token = await gateway.users.new_link(name, caller.name, request_id)
    return SignInLink(sign_in_link=link_of(gateway, token))


@router.delete("/users/{name}", status_code=204)
async def remove_user(
    gateway: GatewayDependency, caller: CurrentCaller, request_id: RequestId, name: GivenName
) -> None:
    """Remove a user and end their sessions; what they did stays under their name."""
    await gateway.users.remove(name, caller.name, request_id)


def link_of(gateway: Gateway, token: str) -> str:
    """The link with a token; it stands behind the `#`, so that no server and no log ever sees it."""
    return f"{str(gateway.settings.public_url).rstrip('/')}/#sign-in={token}"
