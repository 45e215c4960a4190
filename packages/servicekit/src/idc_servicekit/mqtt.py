"""How a service reaches the broker: address, account and certificate authority."""

import ssl
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class MqttSettings(BaseModel):
    """The broker's address and this service's account there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(default="broker", min_length=1, description="The broker's host name; its certificate names it.")
    port: int = Field(default=8883, ge=1, le=65535, description="The broker's TLS port.")
    username: str = Field(min_length=1, max_length=64, description="This service's account at the broker.")
    password_file: Path = Field(description="File that holds the account's password, and nothing else.")
    ca_file: Path = Field(description="Certificate (PEM) of the authority that signed the broker's certificate.")
    keepalive_s: int = Field(default=15, ge=5, le=3600, description="Silence after which a lost connection is noticed.")

    def password(self) -> str:
        """Read the password.

        Raises:
            OSError: The file cannot be read.
        """
        return self.password_file.read_text().strip()

    def tls_context(self) -> ssl.SSLContext:
        """A context that trusts only `ca_file`, checks the host name and speaks TLS 1.2 or later.

        Raises:
            OSError: The file is missing or holds no certificate (`ssl.SSLError`).
        """
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(self.ca_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context
