"""Runs the service of slides: `idc-slides` or `python -m idc_slides`, with settings from the environment."""

import fcntl
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import uvicorn

from idc_servicekit.quiet_server import serve
from idc_servicekit.startup import start
from idc_servicekit.tracing import traces
from idc_slides.app import create_app
from idc_slides.composition import build
from idc_slides.errors import CannotStart
from idc_slides.settings import SlidesSettings
from idc_slides.web.problems import ProblemHttpProtocol


def main() -> int:
    """Serve until a signal stops it; return the exit code."""
    return start("slides", SlidesSettings, _run_alone, unavailable=(CannotStart,))


def _run_alone(settings: SlidesSettings) -> None:
    # PostgreSQL may be shared; to SQLite's file a second service would do harm.
    with _data_lock(settings.data_dir) if settings.database_url is None else nullcontext():
        _run(settings)


def _run(settings: SlidesSettings) -> None:
    try:
        rooms = build(settings)
    except (OSError, ValueError) as exc:
        raise CannotStart(str(exc)) from exc
    # A line for each request to inference would bury the others.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with traces("slides"):
        serve(uvicorn.Config(create_app(rooms), **server_options(settings)))


def server_options(settings: SlidesSettings) -> dict[str, Any]:
    return {
        "host": settings.host,
        "port": settings.port,
        "loop": "uvloop",
        "http": ProblemHttpProtocol,
        "ws": "none",
        "forwarded_allow_ips": "",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "timeout_keep_alive": settings.keep_alive_s,
        "timeout_graceful_shutdown": settings.drain_timeout_s,
    }


@contextmanager
def _data_lock(folder: Path) -> Iterator[None]:
    """Lock the data folder while the block runs; the system releases it when the process ends in any way.

    Raises CannotStart where another process holds it, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "slides.lock").open("ab")
    except OSError as exc:
        raise CannotStart(f"the data folder {folder} cannot be written: {exc.strerror}") from exc
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise CannotStart(f"a service of slides uses the data folder {folder}: stop it first") from exc
        yield


if __name__ == "__main__":
    sys.exit(main())
