"""Runs a bundle's graph with OpenVINO."""

import math
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from idc_inference.errors import EngineFailed, ModelUnavailable
from idc_modelio.graphs import Graph, core
from idc_modelio.outputs import PROBABILITY, Outputs

INPUT: Final = "patch"

PROCESSOR: Final = "CPU"
FULL_ENOUGH: Final = 0.7
"""The share of a chunk from which on it is worth its time: eight patches at once take as long as six in turn."""
STATIC_DEVICES: Final = ("NPU",)
"""Devices that compile no graph with an open batch: they get one of batch 1."""


def available_devices() -> tuple[str, ...]:
    """The devices that OpenVINO finds on this machine."""
    return tuple(core().available_devices)


class OpenVinoEngine:
    """One compiled graph, with as many infer requests as the device runs best at once."""

    def __init__(self, model_path: Path, device: str, *, chunk_patches: int, cache_dir: Path | None = None) -> None:
        """Compile the graph.

        Args:
            model_path: The graph, `model.xml`.
            device: As OpenVINO names it.
            chunk_patches: Most patches in one inference, on devices that take several.
            cache_dir: Where compiled graphs are kept for the next start.

        Raises:
            ModelUnavailable: The graph cannot be read, has other inputs or outputs, or the device cannot run it.
        """
        is_static = device.partition(":")[0].partition(".")[0] in STATIC_DEVICES
        self.chunk_patches = 1 if is_static else chunk_patches
        batch = self.chunk_patches if is_static or device == PROCESSOR else None
        try:
            self._graph = Graph(_read(model_path), device, batch=batch, cache_dir=cache_dir)
        except RuntimeError as exc:
            raise ModelUnavailable(f"device {device!r} cannot run {model_path}: {_reason(exc)}") from exc
        self.device, self.slots = self._graph.device, self._graph.slots
        self.outputs = tuple(self._graph.output_shapes)
        self.computes_in_caller = self._graph.computes_in_caller
        self.least_chunk = math.ceil(chunk_patches * FULL_ENOUGH) if device == PROCESSOR else 1

    def infer(self, patches: NDArray[np.uint8]) -> Outputs:
        try:
            return {name: values.reshape(-1) for name, values in self._graph.infer(patches).items()}
        except RuntimeError as exc:
            raise EngineFailed(f"the device {self.device} failed: {_reason(exc)}") from exc

    def close(self) -> None:
        with suppress(AttributeError):  # closed before
            del self._graph


def _read(path: Path) -> ov.Model:
    model = core().read_model(path)
    _ = model.input(INPUT)  # this and the next line raise where there is none
    model.output(PROBABILITY).get_tensor().set_names({PROBABILITY})  # without its further names
    return model


def _reason(error: RuntimeError) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else "it gave no reason"
