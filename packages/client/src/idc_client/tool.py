"""What each command gets handed."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import click
import httpx

from idc_client.gateway.connection import Access, Connection


@dataclass
class Tool:
    """The gateway to talk to; connected with the first request."""

    access: Access
    transport: httpx.BaseTransport | None = None
    pause: Callable[[float], None] = time.sleep
    """Waits so many seconds."""

    @cached_property
    def gateway(self) -> Connection:
        """The connection."""
        connection = Connection(self.access, transport=self.transport, pause=self.pause)
        click.get_current_context().find_root().call_on_close(connection.close)
        return connection


pass_tool = click.make_pass_decorator(Tool)
