"""What the gateway needs for inference servers on other machines: trusted authorities, and the key that it sends."""

import ssl
from pathlib import Path


class KeyUnreadable(OSError):
    """The file with the key is missing, or may not be read."""


class KeyFromFile:
    """The key in a file as a bearer token, only for HTTPS: over plain HTTP everybody on the way could read it.

    The file is read for each request, so that a new key counts without a restart.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def header(self) -> dict[str, str]:
        """The header that has the key.

        Raises:
            KeyUnreadable: The file cannot be read.
        """
        try:
            key = self._path.read_text(encoding="ascii").strip()
        except (OSError, ValueError) as exc:
            raise KeyUnreadable(f"GATEWAY_INFERENCE_KEY_FILE={self._path} cannot be read") from exc
        return {"Authorization": f"Bearer {key}"}


def trusted_by(ca_file: Path | None) -> ssl.SSLContext:
    """What checks a server's certificate and name: against the authorities in a file, or the system's without one.

    Raises:
        OSError: The file cannot be read or holds no certificate.
    """
    return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
