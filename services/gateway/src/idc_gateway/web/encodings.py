"""Which content codings of a request's body are read: none."""

from collections.abc import Mapping

from idc_gateway.errors import UnsupportedEncoding


def check_encoding(headers: Mapping[str, str]) -> None:
    """Reject a compressed body with UnsupportedEncoding: a small one could become a large one."""
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        raise UnsupportedEncoding(
            f"the body is compressed (Content-Encoding {encoding[:32]!r}), which is not supported: send it uncompressed"
        )
