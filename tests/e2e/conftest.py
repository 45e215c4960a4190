"""One stack of real containers, built from this tree, with a project name, ports and volumes of its own."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser

from support.alarm_process import AlarmProcess
from support.compose_stack import ComposeStack
from support.demo_patches import DemoPatches, made_up_patches, real_patches
from support.mosquitto import MosquittoBroker
from support.page_browser import chromium
from support.tiny_bundle import write_tiny_bundle

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def patches() -> DemoPatches:
    """A patch of each class: the real demo images where IDC_DATA is set, else made-up ones for the made-up model."""
    data = os.environ.get("IDC_DATA")
    return real_patches(Path(data)) if data else made_up_patches()


@pytest.fixture(scope="session")
def stack(patches: DemoPatches, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposeStack]:
    """The running, healthy stack."""
    if shutil.which("docker") is None:
        pytest.fail("docker is not installed: the end-to-end tests need a container engine")
    models = REPOSITORY / "models"
    if not patches.real:
        models = tmp_path_factory.mktemp("models")
        write_tiny_bundle(models)
        models.chmod(0o755)
    stack = ComposeStack(REPOSITORY, models)
    try:
        stack.start()
        yield stack
    finally:
        stack.remove()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for a file of tests; a test opens pages of its own in it."""
    with chromium() as browser:
        yield browser


@pytest.fixture(autouse=True)
def quiet_alarm(request: pytest.FixtureRequest) -> None:
    """Each test of the stack starts with every container running and no latched alarm."""
    if "stack" in request.fixturenames:
        stack: ComposeStack = request.getfixturevalue("stack")
        stack.settle()


@pytest.fixture
def site() -> str:
    """A site of the test's own on a broker that others use."""
    return f"site-{uuid4().hex[:12]}"


@pytest.fixture
def bus(request: pytest.FixtureRequest) -> MosquittoBroker:
    """The broker of the test: one of its own where it asks for `broker` to stop it."""
    name = "broker" if "broker" in request.fixturenames else "shared_broker"
    broker: MosquittoBroker = request.getfixturevalue(name)
    return broker


@pytest.fixture
def alarm(bus: MosquittoBroker, tmp_path: Path, site: str) -> Iterator[AlarmProcess]:
    """An alarm that is not started yet."""
    alarm = AlarmProcess(tmp_path, bus.settings("alarm"), site=site)
    yield alarm
    alarm.kill()
