"""Users of the page."""

from datetime import datetime

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from idc_gateway.access.scopes import Role, Scope
from idc_gateway.settings import GatewaySettings
from idc_gateway.web.dependencies import AccessDep, CurrentCaller, RequestId, SettingsDep, requires
from idc_gateway.web.routes.keys import AccountName
from idc_gateway.web.routes.parameters import GivenName

router = APIRouter(tags=["accounts"], dependencies=[Depends(requires(Scope.ADMIN))])


class NewUser(BaseModel):
    """A user to create."""

    name: AccountName
    role: Role


class NewRole(BaseModel):
    """A user's new role."""

    role: Role


class UserItem(BaseModel):
    """A user."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    role: Role
    created_at: datetime
    has_password: bool


class SignInLink(BaseModel):
    """A link that signs a user in once, to set a password."""

    sign_in_link: str = Field(description="Pass it on safely; it works once, within an hour.")


class MadeUser(UserItem, SignInLink):
    """A new user with their link."""


class UserList(BaseModel):
    """Every user."""

    items: list[UserItem]


@router.post("/users", status_code=201)
async def create_user(
    access: AccessDep, settings: SettingsDep, caller: CurrentCaller, request_id: RequestId, new: NewUser
) -> MadeUser:
    """Create a user, who signs in by the link and sets a password."""
    user, token = await access.users.create(new.name, new.role, caller.name, request_id)
    return MadeUser(**UserItem.model_validate(user).model_dump(), sign_in_link=link_of(settings, token))


@router.get("/users")
async def list_users(access: AccessDep, caller: CurrentCaller, request_id: RequestId) -> UserList:
    """Every user."""
    await access.views.record("users.listed", caller, "users", request_id)
    return UserList(items=[UserItem.model_validate(user) for user in await access.users.all()])


@router.put("/users/{name}/role")
async def set_user_role(
    access: AccessDep, caller: CurrentCaller, request_id: RequestId, name: GivenName, new: NewRole
) -> UserItem:
    """Give a user another role; it applies from their next request on."""
    return UserItem.model_validate(await access.users.set_role(name, new.role, caller.name, request_id))


@router.post("/users/{name}/sign-in-link", status_code=201)
async def create_sign_in_link(
    access: AccessDep, settings: SettingsDep, caller: CurrentCaller, request_id: RequestId, name: GivenName
) -> SignInLink:
    """A new link for a user who forgot the password; it replaces the earlier one."""
    token = await access.users.new_link(name, caller.name, request_id)
    return SignInLink(sign_in_link=link_of(settings, token))


@router.delete("/users/{name}", status_code=204)
async def remove_user(access: AccessDep, caller: CurrentCaller, request_id: RequestId, name: GivenName) -> None:
    """Remove a user and end their sessions; their records stay under their name."""
    await access.users.remove(name, caller.name, request_id)


def link_of(settings: GatewaySettings, token: str) -> str:
    """The link with a token, behind the `#`: no server and no log sees it."""
    return f"{str(settings.public_url).rstrip('/')}/#sign-in={token}"
