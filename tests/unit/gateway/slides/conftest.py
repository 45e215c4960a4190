"""A gateway before a slides service in memory, over real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from pydantic import HttpUrl

from idc_gateway.settings import GatewaySettings
from support.slides_fake import FakeSlides, serving


@pytest.fixture(autouse=True)
async def ended_connections() -> AsyncIterator[None]:
    """End those that wait to send to a service that takes nothing: Python would warn of them when the loop is gone."""
    yield
    loop = asyncio.get_running_loop()
    for key in list(loop._selector.get_map().values()):
        for handle in key.data or ():
            transport = getattr(getattr(handle, "_callback", None), "__self__", None)
            if isinstance(transport, asyncio.Transport) and transport.is_closing():
                transport.abort()
    await asyncio.sleep(0)


@pytest.fixture
def slides() -> FakeSlides:
    return FakeSlides()


@pytest.fixture
def slides_address(slides: FakeSlides) -> Iterator[str]:
    with serving(slides) as address:
        yield address


@pytest.fixture
def settings(settings: GatewaySettings, slides_address: str) -> GatewaySettings:
    return settings.model_copy(update={"slides_url": HttpUrl(slides_address)})
