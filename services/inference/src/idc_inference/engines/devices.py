"""The device that runs the model: the requested one, or the first of its fallbacks that can."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from idc_inference.engines.engine import Engine
from idc_inference.errors import DeviceMissing, ModelUnavailable

logger = logging.getLogger(__name__)

NCS: Final = "NCS"
"""The Neural Compute Stick; OpenVINO's own name of it is MYRIAD."""


@dataclass(frozen=True)
class DeviceChoice:
    """The requested device, the one that runs, and why they differ."""

    requested: str
    running: str
    """As OpenVINO names it: `CPU`, `GPU.0`, or several with commas."""
    available: tuple[str, ...]
    fallback_reason: str = ""
    """Empty where the requested device runs."""


def open_engine(
    requested: str,
    fallback: Sequence[str],
    available: Sequence[str],
    compile_on: Callable[[str], Engine],
) -> tuple[Engine, DeviceChoice]:
    """Compile on the requested device or, where it cannot, on the first fallback that can.

    Args:
        requested: A device, or a string like `HETERO:GPU,CPU`, which OpenVINO resolves.
        fallback: Devices to try next, in this order; empty to fail instead.
        available: The devices of this machine.
        compile_on: Compiles the graph on one device, or raises ModelUnavailable.

    Raises:
        DeviceMissing: None of them can run the graph; the text has each reason.
    """
    reasons: list[str] = []
    for device in [requested, *(other for other in fallback if other != requested)]:
        try:
            engine = _compile(device, available, compile_on)
        except ModelUnavailable as exc:
            reasons.append(str(exc))
            continue
        if reasons:
            logger.warning("fell back from device %s to %s: %s", requested, device, "; ".join(reasons))
        return engine, DeviceChoice(requested, engine.device, tuple(available), "; ".join(reasons))
    here = ", ".join(available) or "none"
    raise DeviceMissing(
        f"{'; '.join(reasons)} (available: {here}): name an available one in INFERENCE_DEVICE, "
        "or a fallback in INFERENCE_DEVICE_FALLBACK"
    )


def _compile(device: str, available: Sequence[str], compile_on: Callable[[str], Engine]) -> Engine:
    if _is_plain(device) and not any(here == device or here.startswith(f"{device}.") for here in available):
        raise DeviceMissing(f"device {device!r} is not available")
    return compile_on(device)


def _is_plain(device: str) -> bool:
    """Whether it names one device; `GPU.1` does, `AUTO`, `HETERO:…` and `MULTI:…` leave the choice to OpenVINO.

    The stick's worker says whether the stick is there.
    """
    return ":" not in device and device not in ("AUTO", "HETERO", "MULTI", "BATCH", NCS)
