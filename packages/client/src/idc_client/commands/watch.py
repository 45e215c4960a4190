"""`idc watch`: new results as they are stored."""

import json

import click
from rich.markup import escape

from idc_client import terminal
from idc_client.commands import pass_gateway
from idc_client.gateway import events
from idc_client.gateway.connection import Connection


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document per line.")
@click.option("--count", type=click.IntRange(min=1), help="Exit after this many results.")
@pass_gateway
def watch(gateway: Connection, *, as_json: bool, count: int | None) -> None:
    """Show each new result until interrupted; after a broken connection, no result is missed."""
    console = terminal.screen()
    if not as_json:
        console.print(terminal.NOTICE)
    for number, result in enumerate(events.results(gateway, terminal.remark), 1):
        if as_json:
            click.echo(json.dumps(result))
        else:
            why = escape(terminal.in_words(result.get("reasons", ())))
            console.print(
                f"{terminal.local_time(result['created_at'])}  {result['probability']:.3f}  "
                f"{terminal.styled(result['decision'])}  {escape(terminal.printable(result['name']))}  "
                f"[dim]{result['id']}[/]  {why}".rstrip(),
                soft_wrap=True,
            )
        if number == count:
            return
