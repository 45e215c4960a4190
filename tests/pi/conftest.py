"""The alarm's image for arm64, built once for all tests of this folder."""

import os
import subprocess

import pytest

from support.mosquitto import REPOSITORY


@pytest.fixture(scope="session")
def arm64_image() -> str:
    """The name of the image, built from this tree."""
    subprocess.run([REPOSITORY / "scripts/build_pi_image.sh"], check=True, timeout=1500)
    return f"idc-sentinel/alarm:{os.environ.get('IDC_TAG', '0.1.0')}-arm64"
