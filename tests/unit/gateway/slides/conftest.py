"""A gateway before a slides service in memory, over real HTTP."""

from collections.abc import Iterator

import pytest
from pydantic import HttpUrl

from idc_gateway.settings import GatewaySettings
from support.slides_fake import FakeSlides, serving


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
