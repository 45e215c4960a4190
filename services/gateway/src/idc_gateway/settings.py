"""The gateway's settings, read from the environment variables `GATEWAY_…`."""

from pathlib import Path
from typing import Self

from pydantic import Field, HttpUrl, model_validator
from pydantic_settings import SettingsConfigDict

from idc_contracts import Slug
from idc_modelio.patches import MAX_ENCODED_BYTES
from idc_servicekit.mqtt import MqttSettings
from idc_servicekit.settings import ServiceSettings

MIB = 1024 * 1024


class GatewaySettings(ServiceSettings):
    """All settings of the gateway."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    device: Slug = Field(
        default="gateway", description="This gateway's name, one level of its topics; unique in a site."
    )
    host: str = Field(default="0.0.0.0", description="Address to listen on.")  # noqa: S104 - inside a container
    port: int = Field(default=8080, ge=1, le=65535, description="TCP port to listen on.")
    data_dir: Path = Field(default=Path("/var/lib/idc"), description="Folder of the database.")
    first_api_key_file: Path = Field(
        default=Path("/run/secrets/idc/api-key"), description="Key that is taken in where the database has none yet."
    )
    inference_url: HttpUrl = Field(default=HttpUrl("http://inference:8000"), description="The inference service.")
    inference_timeout_s: float = Field(
        default=20.0, gt=0, le=600, description="Longest wait for its answer, in seconds."
    )
    model_name: Slug = Field(default="idc", description="The model to ask for.")
    max_body_bytes: int = Field(default=16 * MIB, ge=1024, le=1024 * MIB, description="Largest request, in bytes.")
    max_image_bytes: int = Field(
        default=MAX_ENCODED_BYTES, ge=1024, le=MAX_ENCODED_BYTES, description="Largest image, in bytes."
    )
    max_total_body_bytes: int = Field(
        default=32 * MIB,
        ge=1024,
        le=16384 * MIB,
        description="All requests in progress together, in bytes; the process may need six times as much.",
    )
    body_timeout_s: float = Field(
        default=30.0, gt=0, le=600, description="How long a request's body may take to arrive, in seconds."
    )
    max_images: int = Field(default=1000, ge=1, le=10_000, description="Most images in one request.")
    max_requests_in_progress: int = Field(default=64, ge=1, le=4096, description="Classifications at one time.")
    session_lifetime_h: int = Field(
        default=12, ge=1, le=24 * 30, description="How long the page stays signed in, hours."
    )
    drain_timeout_s: int = Field(default=10, ge=0, le=300, description="Time for requests in progress after SIGTERM.")
    mqtt: MqttSettings

    @model_validator(mode="after")
    def _one_body_fits(self) -> Self:
        if self.max_total_body_bytes < self.max_body_bytes:
            raise ValueError(
                f"max_total_body_bytes {self.max_total_body_bytes} must hold one body of {self.max_body_bytes} bytes"
            )
        return self
