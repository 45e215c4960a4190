"""The inference service's settings, read from the environment variables `INFERENCE_…` and the command line."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from idc_contracts import Slug
from idc_contracts.bundle import Precision
from idc_servicekit.settings import ServiceSettings

Device = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9.:,_()-]{0,63}$")]


class InferenceSettings(ServiceSettings):
    """All settings of the inference service."""

    model_config = SettingsConfigDict(env_prefix="INFERENCE_")

    models_dir: Path = Field(default=Path("/models"), description="Folder of the bundles: <folder>/<name>/<version>.")
    model_name: Slug = Field(default="idc", description="Name of the model to serve.")
    model_version: int | None = Field(
        default=None, ge=1, description="The only version to serve; unset for the newest valid one."
    )
    state_dir: Path | None = Field(
        default=None,
        description="Folder in which the service keeps the choice of versions that an administrator makes at the "
        "gateway; unset, none can be made.",
    )
    max_versions: int = Field(default=1, ge=1, le=8, description="How many of the newest valid versions stay loaded.")
    poll_interval_s: float = Field(
        default=2.0, ge=0.1, le=3600, description="Interval between two reads of the bundles' folder, in seconds."
    )
    device: Device = Field(
        default="CPU",
        description="`CPU`, `GPU`, `NPU`, `AUTO`, `NCS`, or any device string of OpenVINO, such as `HETERO:GPU,CPU`.",
    )
    precision: Precision = Field(
        default=Precision.FP16,
        description="`fp16`, or `int8`: about twice as fast, by the thresholds of the FP16 graph; single values of "
        "P(IDC) differ. A model without an INT8 graph is served as `fp16`.",
    )
    device_fallback: Annotated[tuple[Device, ...], NoDecode] = Field(
        default=("NPU", "GPU", "CPU"),
        max_length=8,
        description="Devices to try, in this order, where `device` cannot run the model; `none` to fail instead.",
    )
    stick_worker: str = Field(
        default="idc-ncs", max_length=512, description="Program that runs the model on a Neural Compute Stick."
    )
    stick_device: Literal["MYRIAD", "CPU"] = Field(
        default="MYRIAD", description="Device of that program; `CPU` tries the program without a stick."
    )
    cache_dir: Path | None = Field(
        default=None, description="Folder for compiled models, for a fast start; unset for none."
    )
    host: str = Field(default="0.0.0.0", description="Address to listen on.")  # noqa: S104 - inside a container
    port: int = Field(default=8000, ge=1, le=65535, description="TCP port to listen on.")
    max_body_bytes: int = Field(
        default=32 * 1024 * 1024, ge=1024, le=1024**3, description="Largest request body, in bytes."
    )
    max_total_body_bytes: int = Field(
        default=128 * 1024 * 1024,
        ge=1024,
        le=16 * 1024**3,
        description="Largest total of the bodies in progress, in bytes.",
    )
    max_json_bytes: int = Field(
        default=1024 * 1024, ge=1024, le=64 * 1024 * 1024, description="Longest JSON part of a request, in bytes."
    )
    body_timeout_s: int = Field(
        default=30, ge=1, le=600, description="Time limit for each piece of a body to arrive, in seconds."
    )
    request_timeout_s: float = Field(
        default=30.0, gt=0, le=600, description="Time limit of a request after its body has arrived, in seconds."
    )
    device_timeout_s: float = Field(
        default=5.0, ge=0.5, le=600, description="Time after which a chunk on the device counts as hung, in seconds."
    )
    probe_interval_s: float = Field(
        default=2.0, ge=0.1, le=3600, description="Interval between two probes of the device, in seconds."
    )
    recovery_timeout_s: float = Field(
        default=60.0,
        ge=1,
        le=3600,
        description="How long the device may be in trouble before the service exits (code 70), in seconds.",
    )
    load_timeout_s: float = Field(
        default=120.0, ge=1, le=3600, description="Time limit for compiling a model on one device, in seconds."
    )
    max_patches: int = Field(default=4096, ge=1, le=100_000, description="Most patches in one request.")
    max_patches_in_progress: int = Field(
        default=8192,
        ge=1,
        le=1_000_000,
        description="Most patches of all requests together; more are rejected with 503.",
    )
    max_requests_in_progress: int = Field(
        default=256, ge=1, le=4096, description="Most requests in progress; more are rejected with 503."
    )
    decode_threads: int = Field(default=2, ge=1, le=64, description="Threads that read requests and decode images.")
    chunk_patches: int = Field(
        default=8, ge=1, le=1024, description="Patches in one inference, where so many wait; a few go one by one."
    )
    drain_delay_s: float = Field(
        default=2.0,
        ge=0,
        le=60,
        description="Time from SIGTERM, when readiness turns false, to the closed port, in seconds.",
    )
    drain_timeout_s: int = Field(
        default=10, ge=0, le=300, description="Time limit of requests in progress after that, in seconds."
    )

    @field_validator("device_fallback", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return () if value == "none" else tuple(part.strip() for part in value.split(",") if part.strip())

    @model_validator(mode="after")
    def _stick_runs_fp16(self) -> Self:
        if self.precision is Precision.INT8 and "NCS" in (self.device, *self.device_fallback):
            raise ValueError("precision int8 does not run on a Neural Compute Stick: use fp16, or name other devices")
        return self

    @model_validator(mode="after")
    def _one_request_fits(self) -> Self:
        if self.max_total_body_bytes < self.max_body_bytes:
            raise ValueError(
                f"max_total_body_bytes {self.max_total_body_bytes} must hold one body of {self.max_body_bytes} bytes"
            )
        if self.max_patches_in_progress < self.max_patches:
            raise ValueError(
                f"max_patches_in_progress {self.max_patches_in_progress} must hold one request of {self.max_patches}"
            )
        return self
