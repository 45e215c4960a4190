"""`idc keys`: who may use the gateway by a program."""

import click
from rich.markup import escape

from idc_client import terminal
from idc_client.errors import OutcomeUnknown
from idc_client.gateway.connection import segment
from idc_client.tool import Tool, pass_tool


@click.group()
def keys() -> None:
    """List, create and revoke API keys; needs a key with the scope `admin`."""


@keys.command("list")
@pass_tool
def list_keys(tool: Tool) -> None:
    """Show every key but the keys themselves, which nobody knows."""
    rows = [
        [escape(k["name"]), " ".join(k["scopes"]), terminal.moment(k["created_at"]), terminal.moment(k["expires_at"])]
        for k in tool.gateway.get("/keys")["items"]
    ]
    terminal.screen().print(terminal.table(["name", "scopes", "created", "expires"], rows))


@keys.command()
@click.argument("name")
@click.option("--role", type=click.Choice(["viewer", "operator", "reviewer", "admin"]), help="What it may do.")
@click.option("--scope", "scopes", multiple=True, help="Instead of a role: one of what it may do; give it again.")
@click.option("--expires-in-days", type=click.IntRange(1, 3650), help="Without it the key never expires.")
@pass_tool
def create(tool: Tool, *, name: str, role: str | None, scopes: tuple[str, ...], expires_in_days: int | None) -> None:
    """Make a key NAME and print it, once and alone on standard output."""
    if (role is None) == (not scopes):
        raise click.UsageError("give --role, or --scope at least once")
    wanted: dict[str, object] = {"name": name, "expires_in_days": expires_in_days}
    wanted |= {"role": role} if role else {"scopes": list(scopes)}
    try:
        made = tool.gateway.post_once("/keys", wanted)
    except OutcomeUnknown as exc:
        remedy = f"if `idc keys list` shows {name}, revoke it and make another: nobody knows the key"
        raise OutcomeUnknown(f"{exc.format_message()}; {remedy}") from exc
    terminal.remarks().print(f"key {escape(name)} may: {' '.join(made['scopes'])}; it is shown this once:")
    click.echo(made["key"])


@keys.command()
@click.argument("name")
@pass_tool
def revoke(tool: Tool, *, name: str) -> None:
    """End the key NAME at once."""
    tool.gateway.delete(f"/keys/{segment(name)}")
    terminal.screen().print(f"key {escape(name)} is revoked")
