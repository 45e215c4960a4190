"""The service's settings, read from the environment variables `SLIDES_…`."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, HttpUrl, SecretStr, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from idc_contracts import Slug
from idc_servicekit.bounded_http import KEEP_ALIVE_S
from idc_servicekit.settings import ServiceSettings


def _by_commas(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class SlidesSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="SLIDES_")

    host: str = Field(default="0.0.0.0", description="Address to listen on.")  # noqa: S104 - inside a container
    port: int = Field(default=8000, ge=1, le=65535, description="TCP port to listen on.")
    data_dir: Path = Field(
        default=Path("/var/lib/idc"), description="Folder of the database, of uploads and of downloads."
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="SQLAlchemy URL of a PostgreSQL server, `postgresql+psycopg://user@host/name`, which several "
        "services may share; by default a file in `data_dir`.",
    )
    database_password_file: Path | None = Field(
        default=None, description="File with the database account's password, and nothing else."
    )
    folder: Path = Field(default=Path("/slides"), description="The watched folder; it is only read.")
    folder_poll_s: float = Field(
        default=5.0, ge=0.05, le=3600, description="Time between two looks into the folder, in seconds."
    )
    folder_settle_s: float = Field(
        default=10.0,
        ge=0.0,
        le=86_400,
        description="A file counts when its size and time of change stand still for so long, in seconds.",
    )
    inference_urls: Annotated[tuple[HttpUrl, ...], NoDecode, BeforeValidator(_by_commas)] = Field(
        default=(HttpUrl("http://inference:8000"),),
        min_length=1,
        max_length=32,
        description="The inference servers, separated by commas; the next one is asked where one is away.",
    )
    inference_key_file: Path | None = Field(
        default=None, description="File with the key for inference servers with `https://`; never sent over HTTP."
    )
    inference_ca_file: Path | None = Field(
        default=None,
        description="Authorities (PEM) that may sign the inference servers' certificates; by default the system's.",
    )
    inference_timeout_s: float = Field(
        default=30.0, gt=0, le=600, description="Longest wait for an answer, in seconds."
    )
    model_name: Slug = Field(default="idc", description="The model to request.")
    batch_patches: int = Field(
        default=64,
        ge=1,
        le=1024,
        description="Patches in one request; small ones let single patches of others pass in between.",
    )
    requests_at_once: int = Field(
        default=4, ge=1, le=64, description="Most requests to inference at one time, all slides together."
    )
    requests_of_a_slide: int = Field(
        default=2, ge=1, le=16, description="Most requests to inference at one time for one slide."
    )
    workers: int = Field(default=2, ge=1, le=64, description="Slides that are screened at the same time.")
    minimum_idc_mm2: float = Field(
        default=1.0, gt=0, le=10_000, description="From this area of IDC on a slide is `idc`, in mm²."
    )
    reader_memory_mb: int = Field(
        default=256,
        ge=64,
        le=16_384,
        description="Memory that the process that reads one slide may use beside its libraries, in MiB.",
    )
    reader_timeout_s: float = Field(
        default=60.0, gt=0, le=3600, description="Longest time for reading one row of patches or one tile, in seconds."
    )
    open_slides: int = Field(
        default=3, ge=1, le=64, description="Slides that are open for the viewer at one time, beside those that run."
    )
    tile_cache_mb: int = Field(default=32, ge=0, le=4096, description="Memory for tiles of the viewer, in MiB.")
    max_upload_gb: float = Field(
        default=8.0, gt=0, le=1000, description="Largest file that is uploaded or downloaded, in 10^9 bytes."
    )
    stored_gb: float = Field(
        default=32.0,
        gt=0,
        le=100_000,
        description="Room for all uploads and downloads together, in 10^9 bytes; a slide's file goes with its record.",
    )
    upload_lifetime_h: float = Field(
        default=24.0,
        gt=0,
        le=8760,
        description="How long an unfinished upload may rest before it is dropped, in hours.",
    )
    s3_allowed: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_by_commas)] = Field(
        default=(),
        max_length=32,
        description="URLs from which slides may be fetched, with `*` for any text, separated by commas: "
        "`s3://bucket/slides/*`. By default none.",
    )
    s3_endpoint: str = Field(default="", max_length=512, description="URL of an S3 server other than Amazon's.")
    s3_region: str = Field(default="", max_length=64, description="S3 region.")
    s3_access_key_id: str = Field(default="", max_length=128, description="S3 account; by default the machine's role.")
    s3_secret_access_key_file: Path | None = Field(default=None, description="File with the S3 account's secret.")
    keep_alive_s: int = Field(
        default=KEEP_ALIVE_S, ge=1, le=3600, description="How long an idle connection is kept, in seconds."
    )
    drain_timeout_s: int = Field(default=5, ge=0, le=300, description="Seconds for requests in progress after SIGTERM.")

    @model_validator(mode="after")
    def _upload_fits(self) -> Self:
        if self.max_upload_gb > self.stored_gb:
            raise ValueError(f"stored_gb {self.stored_gb:g} must hold one file of max_upload_gb {self.max_upload_gb:g}")
        return self
