"""The alarm's image for arm64, built once for all tests of this folder."""

import pytest

from support.arm64_images import built_for_arm64


@pytest.fixture(scope="session")
def arm64_image() -> str:
    return built_for_arm64("alarm")
