"""`idc status`: how the gateway and all behind it are doing."""

import json

import click
from rich.markup import escape

from idc_client import terminal
from idc_client.errors import Unavailable
from idc_client.tool import Tool, pass_tool


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@pass_tool
def status(tool: Tool, *, as_json: bool) -> None:
    """Show how everything is doing; the exit code is 5 where something is wrong."""
    found = tool.gateway.get("/status")
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        outbox, images = found["outbox"], found["images"]
        servers = [
            f"{s['url']} {'ready' if s['ready'] else 'not ready'}, breaker {s['breaker']}"
            for s in found["inference_servers"]
        ]
        rows = [
            ["gateway", f"{found['version']}, site {found['site']}"],
            ["broker", "connected" if found["broker_connected"] else "not connected"],
            ["inference", "; ".join(servers)],
            ["outbox", f"{outbox['waiting']} wait, the oldest for {outbox['oldest_age_s']:.0f} s"],
            ["images", f"{images['count']}, {images['bytes'] / 1e6:.1f} MB" if images["stored"] else "not stored"],
        ]
        terminal.screen().print(terminal.table(["", ""], [[name, escape(text)] for name, text in rows]))
    if found["degraded"]:
        raise Unavailable("; ".join(found["degraded"]))
