"""One module for each command."""

import click

from idc_client.gateway.connection import Connection

pass_gateway = click.make_pass_decorator(Connection)
