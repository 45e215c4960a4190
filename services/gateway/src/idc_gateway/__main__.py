"""Runs the gateway: `idc-gateway` or `python -m idc_gateway`, with settings from the environment.

With `backup FILE` or `restore FILE` it does that instead.
"""

import sys
from contextlib import nullcontext
from typing import Any

import uvicorn

from idc_gateway.app import create_app
from idc_gateway.backup.data_lock import data_lock
from idc_gateway.commands import parse
from idc_gateway.composition import build
from idc_gateway.errors import CannotStart
from idc_gateway.settings import GatewaySettings
from idc_gateway.web.problem_http import ProblemHttpProtocol
from idc_gateway.web.rooms import Gateway
from idc_gateway.web.routes.users import link_of
from idc_servicekit.quiet_server import serve
from idc_servicekit.startup import start
from idc_servicekit.tracing import traces


def main() -> int:
    """Serve until a signal stops it, or run the given command; return the exit code."""
    command, given = parse(sys.argv[1:], _run_alone)
    return start("gateway", GatewaySettings, command, unavailable=(CannotStart,), given=given)


def _run_alone(settings: GatewaySettings) -> None:
    # PostgreSQL may be shared; to SQLite's file a second gateway or a restore would do harm.
    with data_lock(settings.data_dir) if settings.database_url is None else nullcontext():
        _run(settings)


def _run(settings: GatewaySettings) -> None:
    try:
        gateway = build(settings)
    except (OSError, ValueError) as exc:
        raise CannotStart(str(exc)) from exc
    _print_first_link(gateway)
    with traces("gateway"):
        serve(uvicorn.Config(create_app(gateway), **server_options(settings)))


def server_options(settings: GatewaySettings) -> dict[str, Any]:
    return {
        "host": settings.host,
        "port": settings.port,
        "loop": "uvloop",
        "http": ProblemHttpProtocol,
        "ws": "none",
        "forwarded_allow_ips": settings.trusted_proxies,
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "timeout_keep_alive": settings.keep_alive_s,
        "timeout_graceful_shutdown": settings.drain_timeout_s,
    }


def _print_first_link(gateway: Gateway) -> None:
    # For the person who starts the stack, not for the log's collectors: it works once, and within an hour.
    token = gateway.access.users.first_link()
    if token is not None:
        link = link_of(gateway.settings, token)
        sys.stderr.write(f"\n  Nobody can sign in yet. Open this once and set a password:\n\n  {link}\n\n")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
