"""The arm64 images run the whole stack under QEMU: patch and slide get a result, and the alarm hears of it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.arm64_images import built_for_arm64
from support.compose_stack import IMAGE_TAG, SERVICES, ComposeStack
from support.demo_patches import made_up_patches
from support.eventually import wait_until
from support.made_slide_files import write_made_slide
from support.mosquitto import REPOSITORY
from support.tiny_bundle import write_tiny_bundle

pytestmark = [pytest.mark.pi, pytest.mark.timeout(3600)]

EMULATED_S = 900.0
"""So long anything may take: QEMU's user mode is some ten times slower."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The watched folder, which the service's account can read."""
    folder = tmp_path_factory.mktemp("scans")
    for part in (folder, *folder.parents[:2]):
        part.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def arm64_stack(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposeStack]:
    """The running, healthy stack of arm64 images, with a small model: each build tries the shipped one."""
    models = tmp_path_factory.mktemp("models")
    write_tiny_bundle(models)
    models.chmod(0o755)
    for image in SERVICES:
        built_for_arm64(image)
    stack = ComposeStack(
        REPOSITORY,
        models,
        overrides=(Path(__file__).with_name("docker-compose.emulated.yml"),),
        environment={"IDC_TAG": f"{IMAGE_TAG}-arm64", "IDC_SLIDES_DIR": str(folder)},
    )
    try:
        stack.compose("up", "--detach", "--wait", timeout_s=EMULATED_S)
        yield stack
    finally:
        stack.remove()


@pytest.mark.parametrize("service", SERVICES)
def test_service_runs_as_an_arm64_program(arm64_stack: ComposeStack, service: str) -> None:
    image = arm64_stack.inspect(service)["Config"]["Image"]
    command = ["docker", "image", "inspect", "--format", "{{.Architecture}}", image]
    built_for = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    assert built_for == "arm64"
    assert arm64_stack.exec(service, "uname", "-m").strip() == "aarch64"


def test_patch_gets_a_result_and_the_alarm_hears_of_it(arm64_stack: ComposeStack) -> None:
    with arm64_stack.client() as client:
        client.timeout = httpx.Timeout(EMULATED_S)
        headers = {"Content-Type": "image/png"}
        answer = client.post("/api/v1/classifications", content=made_up_patches().positive, headers=headers)

    assert answer.status_code == 201, answer.text
    result = answer.json()["items"][0]["id"]
    wait_until(lambda: str(arm64_stack.alarm_state().last_classification) == result, "the alarm knows it", EMULATED_S)


def test_page_that_was_built_on_another_processor_is_served(arm64_stack: ComposeStack) -> None:
    with arm64_stack.client() as client:
        assert "<script" in client.get("/").text


def test_slide_of_the_folder_is_screened(arm64_stack: ComposeStack, folder: Path) -> None:
    written = write_made_slide(folder / ".made.part", columns=12, rows=10, lesion=3)
    written.chmod(0o644)
    written.rename(folder / "made.tiff")

    with arm64_stack.client() as client:
        client.timeout = httpx.Timeout(60)

        def states() -> list[str]:
            return [item["state"] for item in client.get("/api/v1/slides").json()["items"]]

        wait_until(lambda: states() == ["done"], "the slide is screened", EMULATED_S)
