"""HTTPS answers tell a browser to stay with HTTPS; plain HTTP ones do not lock `localhost` to it."""

import httpx
from fastapi import FastAPI


async def test_https_answer_has_hsts(app: FastAPI) -> None:
    transport = httpx.ASGITransport(app=app)

    async with httpx.AsyncClient(transport=transport, base_url="https://gateway") as client:
        answer = await client.get("/livez")

    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


async def test_plain_answer_has_no_hsts(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get("/livez")

    assert "Strict-Transport-Security" not in answer.headers
