"""The images for arm64, each built once for all tests of this folder."""

import functools
import os
import subprocess

import pytest

from support.mosquitto import REPOSITORY


@functools.cache
def built_for_arm64(image: str) -> str:
    """The name of an image, built from this tree."""
    subprocess.run([REPOSITORY / "scripts/build_images.sh", "load", "arm64", image], check=True, timeout=3000)
    return f"idc-sentinel/{image}:{os.environ.get('IDC_TAG', '0.1.0')}-arm64"


@pytest.fixture(scope="session")
def arm64_image() -> str:
    """The alarm's image."""
    return built_for_arm64("alarm")
