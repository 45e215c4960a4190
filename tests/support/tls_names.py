"""The names in the certificate that a port of this machine shows."""

import socket
import ssl


def served_names(port: int, authority: str) -> set[str]:
    """Host names and addresses in the certificate of a TLS port on loopback that an authority (PEM) signed."""
    context = ssl.create_default_context(cadata=authority)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=60) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        shown = secured.getpeercert()
    if shown is None:
        raise ssl.SSLError("no certificate was shown")
    return {str(name) for _, name in shown["subjectAltName"]}
