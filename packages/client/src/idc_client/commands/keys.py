"""`idc keys`: API keys."""

import click
from rich.markup import escape

from idc_client import terminal
from idc_client.commands import pass_gateway
from idc_client.errors import OutcomeUnknown
from idc_client.gateway.connection import Connection, path_segment


@click.group()
def keys() -> None:
    """List, create and revoke API keys; needs a key with the scope `admin`."""


@keys.command("list")
@pass_gateway
def list_keys(gateway: Connection) -> None:
    """Show names, scopes and expiry; the keys themselves are not stored."""
    rows = [
        [
            escape(key["name"]),
            " ".join(key["scopes"]),
            terminal.local_time(key["created_at"]),
            terminal.local_time(key["expires_at"]),
        ]
        for key in gateway.get("/keys")["items"]
    ]
    terminal.screen().print(terminal.table(["name", "scopes", "created", "expires"], rows))


@keys.command()
@click.argument("name")
@click.option("--role", type=click.Choice(["viewer", "operator", "reviewer", "admin"]), help="The role.")
@click.option("--scope", "scopes", multiple=True, help="One scope instead of a role; repeat for more.")
@click.option("--expires-in-days", type=click.IntRange(1, 3650), help="By default the key never expires.")
@pass_gateway
def create(
    gateway: Connection, *, name: str, role: str | None, scopes: tuple[str, ...], expires_in_days: int | None
) -> None:
    """Create the key NAME and print it once, alone on standard output."""
    if (role is None) == (not scopes):
        raise click.UsageError("use --role, or --scope at least once")
    grant = {"role": role} if role else {"scopes": list(scopes)}
    try:
        created = gateway.post("/keys", {"name": name, "expires_in_days": expires_in_days, **grant})
    except OutcomeUnknown as exc:
        remedy = f"if `idc keys list` shows {name}, revoke it and create another: the key itself is lost"
        raise OutcomeUnknown(f"{exc.format_message()}; {remedy}") from exc
    terminal.remark(f"key {name} has the scopes {' '.join(created['scopes'])}; it is shown only this once:")
    click.echo(created["key"])


@keys.command()
@click.argument("name")
@pass_gateway
def revoke(gateway: Connection, *, name: str) -> None:
    """Revoke the key NAME at once."""
    gateway.delete(f"/keys/{path_segment(name)}")
    terminal.screen().print(f"key {escape(name)} is revoked")
