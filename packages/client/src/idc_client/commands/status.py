"""`idc status`: the state of the gateway and the services behind it."""

import json

import click
from rich.markup import escape

from idc_client import terminal
from idc_client.commands import pass_gateway
from idc_client.errors import Unavailable
from idc_client.gateway.connection import Connection


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@pass_gateway
def status(gateway: Connection, *, as_json: bool) -> None:
    """Show the state of all services; the exit code is 5 if something is wrong."""
    state = gateway.get("/status")
    if as_json:
        click.echo(json.dumps(state, indent=2))
    else:
        outbox, images = state["outbox"], state["images"]
        servers = [
            f"{s['url']} {'ready' if s['ready'] else 'not ready'}, breaker {s['breaker']}"
            for s in state["inference_servers"]
        ]
        rows = [
            ["gateway", f"{state['version']}, site {state['site']}"],
            ["broker", "connected" if state["broker_connected"] else "not connected"],
            ["inference", "; ".join(servers)],
            ["slides", state.get("slides", "off")],
            ["outbox", f"{outbox['waiting']} waiting, the oldest for {outbox['oldest_age_s']:.0f} s"],
            ["images", f"{images['count']}, {images['bytes'] / 1e6:.1f} MB" if images["stored"] else "not stored"],
        ]
        terminal.screen().print(terminal.table(["", ""], [[name, escape(text)] for name, text in rows]))
    if state["degraded"]:
        raise Unavailable("; ".join(state["degraded"]))
