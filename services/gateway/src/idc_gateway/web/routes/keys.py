"""API keys: make, list, revoke."""

from datetime import datetime, timedelta
from typing import Annotated, Self

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, StringConstraints, model_validator

from idc_gateway.access.accounts import ApiKey
from idc_gateway.access.scopes import Role, Scope
from idc_gateway.web.dependencies import CurrentCaller, GatewayDependency, RequestId, requires
from idc_gateway.web.routes.parameters import GivenName

router = APIRouter(tags=["accounts"], dependencies=[Depends(requires(Scope.ADMIN))])

AccountName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._@-]{0,63}$")]


class NewKey(BaseModel):
    """What a key is to be: a role's, or of named scopes."""

    name: AccountName
    role: Role | None = None
    scopes: list[Scope] | None = Field(default=None, min_length=1, max_length=len(Scope))
    expires_in_days: int | None = Field(default=365, ge=1, le=3650, description="Null for a key that does not expire.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.role is None) == (self.scopes is None):
            raise ValueError("give either a role or scopes")
        return self

    def granted(self) -> frozenset[Scope]:
        """The scopes that were asked for."""
        return self.role.scopes if self.role else frozenset(self.scopes or ())


class KeyItem(BaseModel):
    """A key without its secret."""

    name: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> "KeyItem":
        """The answer for a stored key."""
        return cls(name=key.name, scopes=sorted(key.scopes), created_at=key.created_at, expires_at=key.expires_at)


class MadeKey(KeyItem):
    """A new key with its secret."""

    key: str = Field(description="The secret; it is not to be had again.")


class KeyList(BaseModel):
    """Every key."""

    items: list[KeyItem]


@router.post("/keys", status_code=201)
async def create_key(
    gateway: GatewayDependency, caller: CurrentCaller, request_id: RequestId, wanted: NewKey
) -> MadeKey:
    """Make a key. Its secret is answered once; sent again, the request finds the name taken."""
    lifetime = timedelta(days=wanted.expires_in_days) if wanted.expires_in_days else None
    key, secret = await gateway.keyring.create(wanted.name, wanted.granted(), lifetime, caller.name, request_id)
    return MadeKey(**KeyItem.of(key).model_dump(), key=secret)


@router.get("/keys")
async def list_keys(gateway: GatewayDependency, caller: CurrentCaller, request_id: RequestId) -> KeyList:
    """Every key, without its secret."""
    await gateway.accesses.record("keys.listed", caller, "keys", request_id)
    return KeyList(items=[KeyItem.of(key) for key in await gateway.keyring.all()])


@router.delete("/keys/{name}", status_code=204)
async def revoke_key(gateway: GatewayDependency, caller: CurrentCaller, request_id: RequestId, name: GivenName) -> None:
    """Revoke a key and end the sessions that were opened with it."""
    await gateway.keyring.revoke(name, caller.name, request_id)
