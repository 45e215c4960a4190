"""Asks a service over HTTP whether it is ready: `python -m idc_servicekit.http_health URL [TIMEOUT_S]`.

Exits with 0 on a 2xx answer, else with 1. It needs the standard library alone.
"""

import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit


def status_of(url: str, timeout_s: float) -> int:
    """The status that a plain-HTTP URL answers with.

    Raises:
        OSError: Nobody answers in time.
        http.client.HTTPException: The answer is not HTTP.
    """
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=timeout_s)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status
    finally:
        connection.close()


def main(arguments: list[str]) -> int:
    """Check one URL; print one line and return the exit code."""
    url, timeout_s = arguments[0], float(arguments[1]) if len(arguments) > 1 else 4.0
    try:
        status = status_of(url, timeout_s)
    except (OSError, HTTPException) as exc:
        sys.stdout.write(f"{url}: {exc}\n")
        return 1
    sys.stdout.write(f"{url}: {status}\n")
    return 0 if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
