"""The inference service's settings, read from the environment variables `INFERENCE_…`."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from idc_contracts import Slug
from idc_servicekit.settings import ServiceSettings


class InferenceSettings(ServiceSettings):
    """All settings of the inference service."""

    model_config = SettingsConfigDict(env_prefix="INFERENCE_")

    models_dir: Path = Field(default=Path("/models"), description="Folder of the bundles: <folder>/<name>/<version>.")
    model_name: Slug = Field(default="idc", description="The model that is served, in its newest valid version.")
    device: str = Field(default="CPU", pattern=r"^[A-Z][A-Z0-9.:,_()-]{0,63}$", description="OpenVINO device.")
    host: str = Field(default="0.0.0.0", description="Address to listen on.")  # noqa: S104 - inside a container
    port: int = Field(default=8000, ge=1, le=65535, description="TCP port to listen on.")
    max_body_bytes: int = Field(
        default=32 * 1024 * 1024, ge=1024, le=1024**3, description="Largest request body, in bytes."
    )
    max_total_body_bytes: int = Field(
        default=128 * 1024 * 1024, ge=1024, le=16 * 1024**3, description="All requests in progress together, in bytes."
    )
    max_json_bytes: int = Field(
        default=1024 * 1024, ge=1024, le=64 * 1024 * 1024, description="Longest JSON part of a request, in bytes."
    )
    body_timeout_s: int = Field(
        default=30, ge=1, le=600, description="How long a request's body may take to arrive, in seconds."
    )
    max_patches: int = Field(default=4096, ge=1, le=100_000, description="Most patches in one request.")
    max_requests_in_progress: int = Field(
        default=64, ge=1, le=4096, description="Requests beyond this are answered with 503."
    )
    decode_threads: int = Field(
        default=4, ge=1, le=64, description="Threads that decode images and wait for the device."
    )
    chunk_patches: int = Field(default=64, ge=1, le=1024, description="Patches that the device gets at once.")
    drain_timeout_s: int = Field(
        default=10, ge=0, le=300, description="How long requests in progress may take after SIGTERM, in seconds."
    )

    @model_validator(mode="after")
    def _one_body_fits(self) -> Self:
        if self.max_total_body_bytes < self.max_body_bytes:
            raise ValueError(
                f"max_total_body_bytes {self.max_total_body_bytes} must hold one body of {self.max_body_bytes} bytes"
            )
        return self
