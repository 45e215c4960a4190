"""The settings' bounds, and what the command line changes."""

import pytest
from pydantic import ValidationError

from idc_inference.settings import InferenceSettings


@pytest.mark.parametrize(
    ("text", "devices"),
    [("GPU,CPU", ("GPU", "CPU")), (" NPU , CPU ,", ("NPU", "CPU")), ("none", ()), ("", ())],
)
def test_fallbacks_come_with_commas(monkeypatch: pytest.MonkeyPatch, text: str, devices: tuple[str, ...]) -> None:
    monkeypatch.setenv("INFERENCE_DEVICE_FALLBACK", text)

    assert InferenceSettings().device_fallback == devices


def test_default_fallbacks_end_with_the_processor() -> None:
    assert InferenceSettings().device_fallback == ("NPU", "GPU", "CPU")


@pytest.mark.parametrize(
    "device", ["CPU", "GPU.1", "NPU", "AUTO", "NCS", "AUTO:-NPU", "HETERO:GPU,CPU", "MULTI:CPU,GPU(4)"]
)
def test_devices_of_openvino_are_taken(device: str) -> None:
    assert InferenceSettings(device=device).device == device


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("device", "cpu"),
        ("device", ""),
        ("device", "CPU; rm"),
        ("device_fallback", "gpu"),
        ("model_version", "0"),
        ("model_version", "latest"),
        ("max_versions", 0),
        ("poll_interval_s", 0),
        ("request_timeout_s", -1),
        ("chunk_patches", 0),
        ("decode_threads", 65),
        ("drain_delay_s", 61),
        ("port", 0),
        ("max_total_body_bytes", 2048),
        ("max_patches_in_progress", 100),
    ],
)
def test_value_out_of_bounds_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError):
        InferenceSettings(**{name: value})


@pytest.mark.parametrize("devices", [{"device": "NCS"}, {"device_fallback": ("GPU", "NCS")}])
def test_int8_on_a_neural_compute_stick_is_refused(devices: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="does not run on a Neural Compute Stick"):
        InferenceSettings(precision="int8", **devices)
