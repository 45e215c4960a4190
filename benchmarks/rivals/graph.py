"""What both rivals run: the shipped bundle's graph by OpenVINO, as the project's own service compiles it."""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from PIL import Image

CONFIG = {"PERFORMANCE_HINT": "THROUGHPUT", "EXECUTION_MODE_HINT": "ACCURACY", "ENABLE_MMAP": False}


def compiled() -> Any:
    """The compiled graph; RIVAL_MODEL names its `model.xml`."""
    return ov.Core().compile_model(Path(os.environ["RIVAL_MODEL"]), "CPU", CONFIG)


def decode(data: bytes) -> "np.ndarray[Any, Any]":
    """One patch, RGB, uint8, shape (50, 50, 3)."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB").resize((50, 50)))
