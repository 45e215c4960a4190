"""`idc audit`: the gateway's records of what was done, and whether they are whole."""

import json

import click
from rich.markup import escape

from idc_client import terminal
from idc_client.errors import ChainBroken, InputRefused
from idc_client.tool import Tool, pass_tool


@click.group()
def audit() -> None:
    """Read and verify the audit chain; needs a key with the scope `audit`."""


@audit.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document a line.")
@pass_tool
def list_records(tool: Tool, *, limit: int, as_json: bool) -> None:
    """Show the newest records."""
    items = tool.gateway.get("/audit", limit=limit)["items"]
    if as_json:
        for item in items:
            click.echo(json.dumps(item))
        return
    rows = [
        [str(i["sequence"]), terminal.moment(i["at"]), escape(i["actor"]), escape(i["action"]), escape(i["subject"])]
        for i in items
    ]
    terminal.screen().print(terminal.table(["record", "when", "who", "what", "on what"], rows))


@audit.command()
@click.option("--head", help="The head that an earlier run printed: a chain written anew does not have it.")
@pass_tool
def verify(tool: Tool, *, head: str | None) -> None:
    """Recompute every record's hash; the exit code is 7 where one was changed, removed or inserted.

    Keep the head that it prints at another place: who can write the database can write a whole new chain.
    """
    found = tool.gateway.get("/audit/verification")
    if not found["intact"]:
        raise ChainBroken(f"the audit chain is broken at record {found['first_wrong']}: {found['reason']}")
    if head is not None and head != found["head"] and not _has(tool, head):
        raise ChainBroken(f"no record has the hash {head}: the chain is not the one that was verified then")
    terminal.screen().print(f"intact: {found['records']} records, head {found['head']}")


def _has(tool: Tool, head: str) -> bool:
    """Whether any record has this hash, newest first."""
    if len(head) != 64:
        raise InputRefused(f"{head!r} is no head: it has 64 hexadecimal digits")
    cursor = None
    while True:
        page = tool.gateway.get("/audit", limit=1000, cursor=cursor)
        if any(item["sha256"] == head for item in page["items"]):
            return True
        cursor = page["next_cursor"]
        if cursor is None:
            return False
