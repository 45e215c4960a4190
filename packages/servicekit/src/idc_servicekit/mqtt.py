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
    """What to tell people of a connection that failed: where a clock may be the reason, that it may.

    A Raspberry Pi has no clock that outlives a power cut: before NTP set it, no certificate of today is valid.
    """
    # aiomqtt's errors keep what they were made of as their context.
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

    host: str = Field(default="broker", min_length=1, description="The broker's host name; its certificate names it.")
    port: int = Field(default=8883, ge=1, le=65535, description="The broker's TLS port.")
    username: str = Field(min_length=1, max_length=64, description="This service's account at the broker.")
    password_file: Path = Field(description="File that holds the account's password, and nothing else.")
    ca_file: Path = Field(description="Certificate (PEM) of the authority that signed the broker's certificate.")
    certificate_file: Path | None = Field(
        default=None, description="This service's certificate (PEM), for a broker that asks for one."
    )
    key_file: Path | None = Field(default=None, description="The certificate's private key (PEM).")
    keepalive_s: int = Field(default=15, ge=5, le=3600, description="Silence after which a lost connection is noticed.")

    @field_validator("host")
    @classmethod
    def _is_a_host_alone(cls, host: str) -> str:
        """A name with more in it would be looked up without end."""
        if any(c.isspace() or c in "/[]" for c in host) or host.count(":") == 1:
            raise ValueError("write a host name or an address alone: the port is a setting of its own")
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
            raise ValueError("certificate_file and key_file belong together: set both or neither")
        return self

    def password(self) -> str:
        """Read the password.

        Raises:
            OSError: The file cannot be read.
        """
        return self.password_file.read_text().strip()

    def tls_context(self) -> ssl.SSLContext:
        """A context that trusts only `ca_file`, checks the host name and speaks TLS 1.2 or later.

        It shows `certificate_file` to a broker that asks for a certificate.

        Raises:
            OSError: A file is missing or holds no certificate, or the key is another's (`ssl.SSLError`).
        """
        for file in (self.ca_file, self.certificate_file, self.key_file):
            if file is not None:
                file.open("rb").close()  # OpenSSL's error would not name it
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(self.ca_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate_file is not None:
            context.load_cert_chain(self.certificate_file, self.key_file)
        return context
