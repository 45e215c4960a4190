"""Both inference images speak the same contract: the processor's, and the stick's with and without its worker."""

import io
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import numpy as np
import pytest
from PIL import Image
from tritonclient.http import InferenceServerClient, InferInput

from idc_contracts import Thresholds, decide
from idc_contracts.decision import checks_from_text
from support.compose_stack import IMAGE_TAG
from support.eventually import wait_until
from support.free_port import free_port
from support.shipped_model import SHIPPED_BUNDLE

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
HARDENED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true", "--tmpfs=/tmp:size=64m")
Start = Callable[..., str]


@pytest.fixture(scope="module")
def images() -> dict[str, str]:
    """The images by name, built from this tree."""
    sources = {
        "inference": ("--file=services/Dockerfile", "--target=inference", "--build-arg=SERVICE=inference"),
        "inference-ncs": ("--file=services/inference/Dockerfile.ncs",),
    }
    tags = {name: f"idc-sentinel/{name}:{IMAGE_TAG}" for name in sources}
    for name, options in sources.items():
        docker("build", "--quiet", *options, "--tag", tags[name], ".")
    return tags


@pytest.fixture(scope="module")
def start(images: dict[str, str]) -> Iterator[Start]:
    """Starts an image with settings; gives its address. All containers are removed at the end."""
    names: list[str] = []

    def run(image: str, **settings: str) -> str:
        name, port = f"idc-e2e-image-{uuid4().hex[:8]}", free_port()
        names.append(name)
        options = [f"--env={key}={value}" for key, value in settings.items()]
        docker(
            "run", "--detach", "--name", name, f"--publish=127.0.0.1:{port}:8000", *HARDENED, *options, images[image]
        )
        wait_until(lambda: is_ready(port), f"{image} {settings} is ready", 120)
        return f"127.0.0.1:{port}"

    yield run
    for name in names:
        docker("rm", "--force", name)


def docker(*arguments: str) -> str:
    done = subprocess.run(
        ["docker", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=800, check=False, env=os.environ
    )
    if done.returncode:
        raise RuntimeError(f"docker {' '.join(arguments[:3])}: {done.stdout[-1000:]}{done.stderr[-2000:]}")
    return done.stdout


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/v2/health/ready", timeout=5).is_success
    except httpx.TransportError:
        return False


PROCESSOR: tuple[str, dict[str, str]] = ("inference", {})
FALLBACK: tuple[str, dict[str, str]] = ("inference-ncs", {})
WORKER: tuple[str, dict[str, str]] = ("inference-ncs", {"INFERENCE_STICK_DEVICE": "CPU"})


@pytest.fixture(scope="module", params=[PROCESSOR, FALLBACK, WORKER], ids=["processor", "ncs without stick", "worker"])
def served(request: pytest.FixtureRequest, start: Start) -> tuple[str, dict[str, str], str]:
    image, settings = request.param
    return image, settings, start(image, **settings)


class TestContract:
    """What a client sees is the same whatever computes it."""

    def test_self_test_vector_has_its_probabilities(self, served: tuple[str, dict[str, str], str]) -> None:
        vector = np.load(SHIPPED_BUNDLE / "selftest.npz")
        patches = vector["patches"]
        tensor = InferInput("patch", list(patches.shape), "UINT8")
        tensor.set_data_from_numpy(patches)
        with InferenceServerClient(served[2]) as client:
            answer = client.infer("idc", [tensor])

        assert np.abs(answer.as_numpy("probability") - vector["probability"]).max() < 0.01

    def test_encoded_patch_is_decided_by_the_models_thresholds(self, served: tuple[str, dict[str, str], str]) -> None:
        buffer = io.BytesIO()
        Image.new("RGB", (50, 50), (200, 120, 180)).save(buffer, "PNG")
        tensor = InferInput("image", [1], "BYTES")
        tensor.set_data_from_numpy(np.array([buffer.getvalue()], dtype=object))
        with InferenceServerClient(served[2]) as client:
            answer = client.infer("idc", [tensor])

        said = answer.get_response()["parameters"]
        checks = checks_from_text(said["checks"])
        outputs = {check.output: float(answer.as_numpy(check.output)[0]) for check in checks}
        probability = float(answer.as_numpy("probability")[0])
        expected = decide(probability, Thresholds.model_validate(said), outputs, checks)
        assert answer.as_numpy("decision")[0].decode() == expected.decision

    def test_what_runs_and_why_is_reported(self, served: tuple[str, dict[str, str], str]) -> None:
        image, settings, address = served

        told = json.dumps(httpx.get(f"http://{address}/v2/models/idc", timeout=60).json())

        assert ("NC_ERROR" in told) == ((image, settings) == FALLBACK)

    def test_bad_image_is_refused(self, served: tuple[str, dict[str, str], str]) -> None:
        body = {"inputs": [{"name": "patch", "datatype": "UINT8", "shape": [1, 2, 2, 3], "data": [0] * 12}]}

        answer = httpx.post(f"http://{served[2]}/v2/models/idc/infer", json=body, timeout=60)

        assert answer.status_code == 400
        assert answer.json()["error"]


def test_without_a_stick_and_without_a_fallback_the_service_refuses(images: dict[str, str]) -> None:
    done = subprocess.run(
        ["docker", "run", "--rm", *HARDENED, "--env=INFERENCE_DEVICE_FALLBACK=none", images["inference-ncs"]],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 69
    assert "NC_ERROR" in done.stderr
