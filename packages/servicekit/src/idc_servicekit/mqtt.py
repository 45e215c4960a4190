"""How a service reaches the broker: address, account and certificate authority."""

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
"""X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED of openssl/x509_vfy.h."""


def why_unreachable(error: BaseException) -> str:
    """Why a connection failed, in words; names the clock where that may be the reason.

    A Raspberry Pi has no clock that survives a power cut: until NTP has set it, no certificate seems valid.
    """
    # aiomqtt's errors have paho's as their context.
    cause = error if isinstance(error, ssl.SSLError) else error.__cause__ or error.__context__
    code = getattr(cause, "verify_code", None)
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    if code == _NOT_YET_VALID:
        return f"its certificate is not yet valid by this machine's clock, {now}: wait for NTP, or set the clock"
    if code == _EXPIRED:
        return f"its certificate has expired by this machine's clock, {now}: if that is right, renew the certificate"
    return str(error)


class MqttSettings(BaseModel):
    """The broker's address and this service's account there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(default="broker", min_length=1, description="The broker's host name, as in its certificate.")
    port: int = Field(default=8883, ge=1, le=65535, description="The broker's TLS port.")
    username: str = Field(min_length=1, max_length=64, description="This service's account at the broker.")
    password_file: Path = Field(description="File with the account's password and nothing else.")
    ca_file: Path = Field(description="Certificate (PEM) of the authority that signed the broker's certificate.")
    certificate_file: Path | None = Field(
        default=None, description="This service's certificate (PEM), for a broker that requires one."
    )
    key_file: Path | None = Field(default=None, description="The certificate's private key (PEM).")
    keepalive_s: int = Field(default=15, ge=5, le=3600, description="Silence after which a lost connection is noticed.")

    @field_validator("host")
    @classmethod
    def _is_a_host_alone(cls, host: str) -> str:
        """Reject a URL or a port, which would be looked up as a name forever."""
        if any(c.isspace() or c in "/[]" for c in host) or host.count(":") == 1:
            raise ValueError("write only a host name or an address: the port is a separate setting")
        return host

    @field_validator("password_file", "ca_file", "certificate_file", "key_file")
    @classmethod
    def _names_a_file(cls, file: Path | None) -> Path | None:
        if file == Path():
            raise ValueError("name a file")
        return file

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("set certificate_file and key_file together, or neither")
        return self

    def password(self) -> str:
        """Read the password.

        Raises:
            OSError: The file cannot be read.
        """
        return self.password_file.read_text().strip()

    def tls_context(self) -> ssl.SSLContext:
        """Trusts `ca_file` alone, checks the host name, presents `certificate_file`, uses TLS 1.2 or later.

        Raises:
            OSError: A file is missing or not a certificate, or the key does not match (`ssl.SSLError`).
        """
        for file in (self.ca_file, self.certificate_file, self.key_file):
            if file is not None:
                file.open("rb").close()  # OpenSSL's error would not name it
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(self.ca_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate_file is not None:
            context.load_cert_chain(self.certificate_file, self.key_file)
        return context
