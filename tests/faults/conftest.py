"""A stack of real containers that the tests of this folder break, and the table that they write."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.compose_stack import ComposeStack
from support.demo_patches import DemoPatches, made_up_patches
from support.fault_report import FaultRow, write_row
from support.fault_scene import FaultScene
from support.tiny_bundle import write_tiny_bundle

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave a socket alone that paho's own thread drops when a broker goes away in the middle of its handshake."""
    dropped = (
        "ignore:unclosed <ssl.SSLSocket:ResourceWarning",
        "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning",
    )
    for item in items:
        if item.path.is_relative_to(HERE):
            for expected in dropped:
                item.add_marker(pytest.mark.filterwarnings(expected))


@pytest.fixture(scope="session")
def patches() -> DemoPatches:
    """Made-up patches for the made-up model: what breaks here is not the model."""
    return made_up_patches()


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made-up model's folder."""
    folder = tmp_path_factory.mktemp("models")
    write_tiny_bundle(folder)
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def overrides() -> tuple[Path, ...]:
    """The compose files over the project's; a module with other needs has a fixture of this name."""
    return (HERE / "docker-compose.faults.yml",)


@pytest.fixture(scope="module")
def running_scene(models: Path, patches: DemoPatches, overrides: tuple[Path, ...]) -> Iterator[FaultScene]:
    """A stack of the images that are built, with a witness beside it."""
    if shutil.which("docker") is None:
        pytest.fail("docker is not installed: the fault tests need a container engine")
    stack = ComposeStack(REPOSITORY, models, overrides=overrides)
    try:
        stack.start(build=False)
        scene = FaultScene(stack, patches)
        yield scene
        scene.witness.leave()
    finally:
        stack.remove()


@pytest.fixture
def scene(running_scene: FaultScene) -> FaultScene:
    """Everything runs, and no finding waits."""
    running_scene.stack.settle()
    return running_scene


@pytest.fixture
def report() -> Callable[[FaultRow], None]:
    """Write a row into the document that IDC_FAULTS_REPORT names, and fail where anything was lost."""

    def check(row: FaultRow) -> None:
        path = os.environ.get("IDC_FAULTS_REPORT")
        if path:
            write_row(REPOSITORY / path, row)
        assert row.lost == 0, row

    return check
