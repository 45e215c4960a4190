"""People and programs that use a gateway in tests."""

from datetime import UTC, datetime

import httpx

PASSWORD = "correct horse battery"
SESSION = "/api/v1/session"


class Clock:
    """A time that the test sets."""

    now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time."""
        return self.now


async def key_of(
    client: httpx.AsyncClient, name: str = "k", role: str | None = "operator", **fields: object
) -> dict[str, str]:
    """Headers with a new key."""
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
