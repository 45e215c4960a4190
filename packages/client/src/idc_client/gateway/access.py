"""Checks of the gateway's address, the API key and the CA file before the first request."""

import ssl
from pathlib import Path

import httpx

from idc_client.errors import InputRejected, KeyRejected


def checked_address(url: str) -> str:
    """The address without a slash at its end.

    Raises:
        InputRejected: It lacks a scheme or a host.
    """
    example = f"http://{url}" if url and "://" not in url else "https://HOST"
    try:
        address = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as exc:
        raise InputRejected(f"{url!r} is not a gateway's address: {exc}; use --url {example}") from exc
    if address.scheme not in ("http", "https") or not address.host or address.port == 0:
        raise InputRejected(f"{url!r} is not a gateway's address: use --url {example}")
    return url.rstrip("/")


def authorization(api_key: str) -> dict[str, str]:
    """The header with the key; none without a key.

    Raises:
        KeyRejected: No key has such characters.
    """
    if not api_key:
        return {}
    if not api_key.isascii() or not api_key.isprintable() or " " in api_key:
        raise KeyRejected("the API key contains spaces, line breaks or invalid characters: copy the whole key again")
    return {"Authorization": f"Bearer {api_key}"}


def trusted_authorities(ca_file: Path | None) -> ssl.SSLContext | bool:
    """The authority in a file, or True for those of the system.

    Raises:
        InputRejected: The file holds no certificate.
    """
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as exc:
        raise InputRejected(f"{ca_file} is not the certificate of an authority (PEM): {exc}") from exc
