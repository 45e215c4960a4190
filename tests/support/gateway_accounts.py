"""People and programs that use a gateway in tests."""

from datetime import UTC, datetime

import httpx
from fastapi import FastAPI

from idc_gateway.access.keys import Keyring
from idc_gateway.errors import Unauthenticated

KEY = "idc_" + "k" * 60
"""The first key of the gateway of the unit tests."""
PASSWORD = "correct horse battery"
SESSION = "/api/v1/session"
OWN = {"Sec-Fetch-Site": "same-origin"}
"""What a browser says of a request of the gateway's own page."""


class Clock:
    """A time that the test sets."""

    now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def client_of(app: FastAPI, headers: dict[str, str] | None = None, address: str = "127.0.0.1") -> httpx.AsyncClient:
    """A client at an address, for `async with`; an error of the application is an answer."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 1234))
    return httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers)


async def key_of(
    client: httpx.AsyncClient, name: str = "k", role: str | None = "operator", **fields: object
) -> dict[str, str]:
    answer = await client.post("/api/v1/keys", json={"name": name, "role": role, **fields})
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['key']}"}


async def link_of(client: httpx.AsyncClient, name: str = "eva", role: str = "viewer") -> str:
    """The token of a new user's sign-in link."""
    answer = await client.post("/api/v1/users", json={"name": name, "role": role})
    return str(answer.json()["sign_in_link"].split("#sign-in=")[1])


async def sign_up(
    client: httpx.AsyncClient, browser: httpx.AsyncClient, name: str = "eva", role: str = "viewer"
) -> None:
    """Create a user who signs in with the browser and sets a password."""
    link = await link_of(client, name, role)
    assert (await browser.post(SESSION, json={"link": link})).status_code == 204
    assert (await browser.put(f"{SESSION}/password", json={"password": PASSWORD})).status_code == 204


async def opens(keyring: Keyring, secret: str) -> bool:
    """Whether a key is valid."""
    try:
        await keyring.by_key(secret)
    except Unauthenticated:
        return False
    return True
