"""API keys: create, list, revoke."""

from datetime import datetime, timedelta
from typing import Annotated, Self

from fastapi import APIRouter, Depends
from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, model_validator

from idc_contracts.base import JSON_NUMBER
from idc_gateway.access.scopes import Role, Scope
from idc_gateway.web.dependencies import AccessDep, CurrentCaller, RequestId, requires
from idc_gateway.web.routes.parameters import GivenName

router = APIRouter(tags=["accounts"], dependencies=[Depends(requires(Scope.ADMIN))])

_Days = Annotated[int, Field(ge=1, le=3650), JSON_NUMBER]
AccountName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._@-]{0,63}$")]


class NewKey(BaseModel):
    """A key to create, with a role or with scopes."""

    name: AccountName
    role: Role | None = None
    scopes: list[Scope] | None = Field(default=None, min_length=1, max_length=len(Scope))
    expires_in_days: _Days | None = Field(default=365, description="Null for a key that never expires.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.role is None) == (self.scopes is None):
            raise ValueError("give either a role or scopes")
        return self


class KeyItem(BaseModel):
    """A key without its secret."""

    name: str
    scopes: Annotated[list[Scope], BeforeValidator(sorted)]
    created_at: datetime
    expires_at: datetime | None


class MadeKey(KeyItem):
    """A new key with its secret."""

    key: str = Field(description="The secret; it cannot be read again.")


class KeyList(BaseModel):
    """Every key."""

    items: list[KeyItem]


@router.post("/keys", status_code=201)
async def create_key(access: AccessDep, caller: CurrentCaller, request_id: RequestId, new: NewKey) -> MadeKey:
    """Create a key. Its secret is answered once; a repeated request finds the name taken."""
    lifetime = timedelta(days=new.expires_in_days) if new.expires_in_days else None
    scopes = new.role.scopes if new.role else frozenset(new.scopes or ())
    key, secret = await access.keyring.create(new.name, scopes, lifetime, caller.name, request_id)
    return MadeKey(**vars(key), key=secret)


@router.get("/keys")
async def list_keys(access: AccessDep, caller: CurrentCaller, request_id: RequestId) -> KeyList:
    """Every key, without its secret."""
    await access.views.record("keys.listed", caller, "keys", request_id)
    return KeyList(items=[KeyItem(**vars(key)) for key in await access.keyring.all()])


@router.delete("/keys/{name}", status_code=204)
async def revoke_key(access: AccessDep, caller: CurrentCaller, request_id: RequestId, name: GivenName) -> None:
    """Revoke a key and end the sessions that were opened with it."""
    await access.keyring.revoke(name, caller.name, request_id)
