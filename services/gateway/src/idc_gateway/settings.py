"""The gateway's settings, read from the environment variables `GATEWAY_…`."""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, Field, HttpUrl, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from idc_contracts import Slug
from idc_gateway.classifying.uploads import MAX_IMAGES, PART_BYTES
from idc_modelio.patches import MAX_ENCODED_BYTES
from idc_servicekit.bounded_http import KEEP_ALIVE_S
from idc_servicekit.mqtt import MqttSettings
from idc_servicekit.settings import ServiceSettings

MIB = 1024 * 1024


def _by_commas(value: object) -> object:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


class GatewaySettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="GATEWAY_")
    renamed: ClassVar[Mapping[str, str]] = {"GATEWAY_INFERENCE_URL": "GATEWAY_INFERENCE_URLS"}

    device: Slug = Field(
        default="gateway", description="This gateway's name, one level of its topics; unique in a site."
    )
    host: str = Field(default="0.0.0.0", description="Address to listen on.")  # noqa: S104 - inside a container
    port: int = Field(default=8080, ge=1, le=65535, description="TCP port to listen on.")
    data_dir: Path = Field(default=Path("/var/lib/idc"), description="Folder of the database.")
    first_api_key_file: Path = Field(
        default=Path("/run/secrets/idc/api-key"), description="File with the first API key; a new one replaces it."
    )
    inference_urls: Annotated[tuple[HttpUrl, ...], NoDecode, BeforeValidator(_by_commas)] = Field(
        default=(HttpUrl("http://inference:8000"),),
        min_length=1,
        max_length=32,
        description="The inference servers, separated by commas.",
    )
    inference_key_file: Path | None = Field(
        default=None, description="File with the key for inference servers with `https://`; never sent over HTTP."
    )
    inference_ca_file: Path | None = Field(
        default=None,
        description="Authorities (PEM) that may sign the inference servers' certificates; by default the system's.",
    )
    inference_timeout_s: float = Field(
        default=20.0, gt=0, le=600, description="Longest wait for an answer, all servers together, in seconds."
    )
    slides_url: HttpUrl | None = Field(
        default=None, description="The slides service; without it, this gateway offers no whole slides."
    )
    model_name: Slug = Field(default="idc", description="The model to request.")
    database_url: SecretStr | None = Field(
        default=None,
        description="SQLAlchemy URL of a PostgreSQL server, `postgresql+psycopg://user@host/name`; "
        "by default a file in `data_dir`.",
    )
    database_password_file: Path | None = Field(
        default=None, description="File with the database account's password, and nothing else."
    )
    store_images: bool = Field(default=True, description="Whether images are stored with their results.")
    images_url: str = Field(
        default="", max_length=512, description="`s3://bucket/prefix` or `file:///folder`; default: `data_dir`/images."
    )
    s3_endpoint: str = Field(default="", max_length=512, description="URL of an S3 server other than Amazon's.")
    s3_region: str = Field(default="", max_length=64, description="S3 region.")
    s3_access_key_id: str = Field(default="", max_length=128, description="S3 account; by default the machine's role.")
    s3_secret_access_key_file: Path | None = Field(default=None, description="File with the S3 account's secret.")
    image_retention_days: int = Field(default=90, ge=1, le=36_500, description="How long images are kept, in days.")
    image_retention_gb: float = Field(
        default=10.0, gt=0, le=1_000_000, description="Largest total size of images, in 10^9 bytes."
    )
    outbox_max_messages: int = Field(
        default=100_000, ge=100, le=10_000_000, description="Most messages that may wait; then results are rejected."
    )
    outbox_max_age_h: float = Field(
        default=168.0, gt=0, le=8760, description="How long a message may wait before it is dropped, in hours."
    )
    max_body_bytes: int = Field(default=256 * MIB, ge=1024, le=16384 * MIB, description="Largest form, in bytes.")
    max_image_bytes: int = Field(
        default=MAX_ENCODED_BYTES, ge=1024, le=MAX_ENCODED_BYTES, description="Largest image, in bytes."
    )
    max_total_body_bytes: int = Field(
        default=32 * MIB,
        ge=1024,
        le=16384 * MIB,
        description="Memory for all bodies at one time, in bytes; one form may exceed it by a part, and the "
        "process may need six times as much.",
    )
    body_timeout_s: float = Field(
        default=30.0, gt=0, le=600, description="How long a request's body may take to arrive, in seconds."
    )
    max_images: int = Field(default=MAX_IMAGES, ge=1, le=MAX_IMAGES, description="Most images in one request.")
    max_requests_in_progress: int = Field(default=64, ge=1, le=4096, description="Most classifications at one time.")
    requests_per_minute: int = Field(
        default=6000, ge=1, le=1_000_000, description="Most requests of one key or user per minute."
    )
    public_url: HttpUrl = Field(
        default=HttpUrl("http://localhost:8080"), description="The page's address; sign-in links start with it."
    )
    legacy_open_networks: list[IPv4Network | IPv6Network] = Field(
        default=[],
        max_length=32,
        description='Networks whose clients may use the 2018 endpoints without a key, as JSON: `["192.168.7.0/24"]`.',
    )
    metrics_key_file: Path | None = Field(
        default=None, description="File with a key that may read `/metrics` and nothing else."
    )
    metrics_networks: list[IPv4Network | IPv6Network] = Field(
        default=[], max_length=32, description="Networks whose clients may read `/metrics` without a key, as JSON."
    )
    trusted_proxies: str = Field(
        default="",
        max_length=512,
        description="Addresses or networks of proxies whose `X-Forwarded-…` headers are trusted, separated by commas.",
    )
    session_lifetime_h: int = Field(
        default=12, ge=1, le=24 * 30, description="How long a session of the page lasts, in hours."
    )
    session_idle_min: int = Field(
        default=30, ge=1, le=24 * 60, description="The page signs out after this time without use, in minutes."
    )
    keep_alive_s: int = Field(
        default=KEEP_ALIVE_S,
        ge=1,
        le=3600,
        description="How long an idle connection is kept, in seconds; longer than in a proxy in front.",
    )
    drain_timeout_s: int = Field(
        default=10, ge=0, le=300, description="Seconds for requests in progress after SIGTERM."
    )
    mqtt: MqttSettings

    @property
    def part_bytes(self) -> int:
        """Bytes of a form's images that are handled together; two parts are in progress while one is read."""
        return min(PART_BYTES, self.max_total_body_bytes // 4)

    @field_validator("public_url", mode="after")
    @classmethod
    def _is_an_address_to_open(cls, url: HttpUrl) -> HttpUrl:
        """`0.0.0.0` is not an address that a browser opens: on the machine itself `localhost` is."""
        return HttpUrl(str(url).replace(url.host, "localhost", 1)) if url.host in ("0.0.0.0", "[::]") else url  # noqa: S104

    @model_validator(mode="after")
    def _images_fit(self) -> Self:
        if self.max_total_body_bytes < 4 * self.max_image_bytes:
            raise ValueError(
                f"max_total_body_bytes {self.max_total_body_bytes} must hold 4 images of {self.max_image_bytes} bytes"
            )
        return self
