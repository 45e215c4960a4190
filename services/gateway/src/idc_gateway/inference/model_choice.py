"""Lists and chooses the version that serves, at every inference server."""

import asyncio
from collections.abc import Sequence
from typing import Final

from idc_gateway.errors import InferenceUnavailable, VersionRefused
from idc_gateway.inference.endpoint import Endpoint
from idc_gateway.inference.ports import ModelVersion

LIST_TIMEOUT_S: Final = 5.0
CHOOSE_TIMEOUT_S: Final = 300.0
"""The server compiles the model and tests it meanwhile."""


async def versions_at(endpoints: Sequence[Endpoint]) -> dict[str, list[ModelVersion]]:
    """The versions and candidates at each server, by its URL.

    Raises:
        InferenceError: A server does not list them.
    """
    lists = await asyncio.gather(*map(_versions, endpoints))
    return {endpoint.url: items for endpoint, items in zip(endpoints, lists, strict=True)}


async def choose_at(endpoints: Sequence[Endpoint], version: str, by: str, *, serves: bool) -> None:
    """Let a version serve, or the one before it, at one server after the other.

    Where a server does so already, nothing changes there: after a failure the same request can be sent again.

    Raises:
        VersionRefused: A server refuses; those before it have changed.
        InferenceError: A server does not answer; those before it have changed.
    """
    for endpoint in endpoints:
        state = {item.version: item.state for item in await _versions(endpoint)}.get(version)
        if state == ("serving" if serves else "withdrawn"):
            continue
        if serves and state == "candidate":
            raise VersionRefused(
                f"version {version} is a candidate: compare it first, "
                f"`idc-trainer promote <models>/.candidates/<name>/{version} --data DATA --hold`"
            )
        try:
            async with asyncio.timeout(CHOOSE_TIMEOUT_S):
                await endpoint.server.choose(version, by, serves=serves)
        except TimeoutError as exc:
            raise InferenceUnavailable(f"inference did not load version {version} in time: {endpoint.url}") from exc


async def _versions(endpoint: Endpoint) -> list[ModelVersion]:
    try:
        async with asyncio.timeout(LIST_TIMEOUT_S):
            return await endpoint.server.versions()
    except TimeoutError as exc:
        raise InferenceUnavailable(f"inference did not list its versions in time: {endpoint.url}") from exc
