"""`idc audit`: the gateway's audit records, and whether they are complete and unchanged."""

import json

import click
from rich.markup import escape

from idc_client import terminal
from idc_client.commands import pass_gateway
from idc_client.errors import AuditChainBroken, InputRejected
from idc_client.gateway.connection import Connection


@click.group()
def audit() -> None:
    """Read and verify the audit chain; needs a key with the scope `audit`."""


@audit.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, help="How many, counted from the newest.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document per line.")
@pass_gateway
def list_records(gateway: Connection, *, limit: int, as_json: bool) -> None:
    """Show the newest records."""
    items = gateway.get("/audit", limit=limit)["items"]
    if as_json:
        for item in items:
            click.echo(json.dumps(item))
        return
    rows = [
        [
            str(i["sequence"]),
            terminal.local_time(i["at"]),
            escape(i["actor"]),
            escape(i["action"]),
            escape(i["subject"]),
        ]
        for i in items
    ]
    terminal.screen().print(terminal.table(["record", "when", "who", "action", "subject"], rows))


@audit.command()
@click.option("--head", help="The head printed by an earlier run: fails if the chain has been rewritten since.")
@pass_gateway
def verify(gateway: Connection, *, head: str | None) -> None:
    """Recompute all hashes; the exit code is 7 if a record was changed, removed or inserted.

    Keep the printed head in another place: someone who can write to the database can rewrite the whole chain.
    """
    chain = gateway.get("/audit/verification")
    if not chain["intact"]:
        raise AuditChainBroken(f"the audit chain is broken at record {chain['first_wrong']}: {chain['reason']}")
    if head is not None and head != chain["head"] and not _contains(gateway, head):
        raise AuditChainBroken(f"no record has the hash {head}: the chain was rewritten since that head was printed")
    terminal.screen().print(f"intact: {chain['records']} records, head {chain['head']}")


def _contains(gateway: Connection, head: str) -> bool:
    if len(head) != 64:
        raise InputRejected(f"{head!r} is not a head: it needs 64 hexadecimal digits")
    cursor = None
    while True:
        page = gateway.get("/audit", limit=1000, cursor=cursor)
        if any(item["sha256"] == head for item in page["items"]):
            return True
        cursor = page["next_cursor"]
        if cursor is None:
            return False
