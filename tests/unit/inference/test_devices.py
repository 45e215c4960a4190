"""Which device runs the model."""

import logging
from collections.abc import Sequence

import pytest

from idc_inference.engines.devices import DeviceChoice, open_engine
from idc_inference.errors import DeviceMissing, ModelUnavailable
from support.inference_fakes import RednessEngine


class Named(RednessEngine):
    """Runs on the device that it was made for."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self.device = device


def choose(
    requested: str, fallback: Sequence[str], available: Sequence[str], broken: Sequence[str] = ()
) -> DeviceChoice:
    def compile_on(device: str) -> Named:
        if device in broken:
            raise ModelUnavailable(f"device {device!r} cannot run it")
        return Named(device)

    return open_engine(requested, fallback, available, compile_on)[1]


@pytest.mark.parametrize("device", ["CPU", "GPU", "GPU.1", "AUTO", "AUTO:GPU,CPU", "HETERO:GPU,CPU", "MULTI:CPU,NPU"])
def test_requested_device_runs_where_it_is_here(device: str) -> None:
    assert choose(device, (), ("CPU", "GPU.0", "GPU.1")) == DeviceChoice(device, device, ("CPU", "GPU.0", "GPU.1"))


def test_first_fallback_that_is_here_runs_and_the_reason_is_kept_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        choice = choose("NPU", ("NPU", "GPU", "CPU"), ("CPU",))

    assert (choice.requested, choice.running) == ("NPU", "CPU")
    assert choice.fallback_reason == "device 'NPU' is not available; device 'GPU' is not available"
    assert "fell back from device NPU to CPU" in caplog.text


def test_device_that_is_here_and_cannot_run_the_model_falls_back_too() -> None:
    assert choose("GPU", ("CPU",), ("CPU", "GPU"), broken=["GPU"]).running == "CPU"


def test_without_fallback_a_missing_device_is_refused_with_those_that_are_here() -> None:
    with pytest.raises(DeviceMissing, match=r"'NPU' is not available \(available: CPU, GPU\.0\): name"):
        choose("NPU", (), ("CPU", "GPU.0"))


def test_every_reason_is_reported_where_nothing_runs() -> None:
    with pytest.raises(DeviceMissing, match=r"'GPU' cannot run it; device 'NPU' is not available; device 'CPU' cannot"):
        choose("GPU", ("NPU", "CPU"), ("CPU", "GPU"), broken=["GPU", "CPU"])
