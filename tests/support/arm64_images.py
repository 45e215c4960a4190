"""Builds the images for arm64."""

import functools
import os
import subprocess

from support.mosquitto import REPOSITORY


@functools.cache
def built_for_arm64(image: str) -> str:
    """The name of an image, built from this tree once in a session."""
    subprocess.run([REPOSITORY / "scripts/build_images.sh", "load", "arm64", image], check=True, timeout=3000)
    return f"idc-sentinel/{image}:{os.environ.get('IDC_TAG', '0.1.0')}-arm64"
