"""The gateway and its page before a fake slides service."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page
from pydantic import HttpUrl

from support.gateway_fakes import MemoryBus, RednessInference
from support.live_gateway import gateway_settings, live_gateway
from support.page_browser import page_at, sign_in
from support.slides_fake import FakeSlides, serving


@contextmanager
def gateway_before(
    slides: FakeSlides, folder: Path, *, inference: RednessInference | None = None, bus: MemoryBus | None = None
) -> Iterator[str]:
    """A gateway with its files in a folder, while the block runs; gives the address."""
    with serving(slides) as service:
        settings = gateway_settings(folder, slides_url=HttpUrl(service))
        with live_gateway(settings, inference=inference, bus=bus or MemoryBus()) as address:
            yield address


@contextmanager
def page_before(browser: Browser, slides: FakeSlides, folder: Path, width_px: int = 1280) -> Iterator[Page]:
    """The work list of such a gateway, signed in with the first key."""
    with gateway_before(slides, folder) as address, page_at(browser, address, width_px) as page:
        sign_in(page)
        yield page
