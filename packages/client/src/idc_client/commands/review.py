"""`idc review`: a person's verdict on a result."""

from uuid import UUID, uuid4

import click
from rich.markup import escape

from idc_client import terminal
from idc_client.commands import pass_gateway
from idc_client.errors import OutcomeUnknown
from idc_client.gateway.connection import Connection


@click.command()
@click.argument("result_id", metavar="ID", type=click.UUID)
@click.argument("verdict", type=click.Choice(["idc", "no_idc", "unclear"]), required=False)
@click.option("--comment", default="", help="Free text.")
@pass_gateway
def review(gateway: Connection, *, result_id: UUID, verdict: str | None, comment: str) -> None:
    """Record a VERDICT on the result ID; without one, show all verdicts, newest first."""
    path = f"/classifications/{result_id}/review"
    if verdict is not None:
        try:
            gateway.post(path, {"verdict": verdict, "comment": comment}, idempotency_key=uuid4().hex)
        except OutcomeUnknown as exc:
            raise OutcomeUnknown(f"{exc.format_message()}; check with `idc review {result_id}`") from exc
    rows = [
        [terminal.local_time(item["reviewed_at"]), item["verdict"], escape(item["reviewer"]), escape(item["comment"])]
        for item in gateway.get(path)["items"]
    ]
    terminal.screen().print(terminal.table(["when", "verdict", "who", "comment"], rows))
