"""`idc review`: a person's verdict on a result."""

from uuid import UUID, uuid4

import click
from rich.markup import escape

from idc_client import terminal
from idc_client.errors import OutcomeUnknown
from idc_client.tool import Tool, pass_tool


@click.command()
@click.argument("identity", metavar="ID", type=click.UUID)
@click.argument("verdict", type=click.Choice(["idc", "no_idc", "unclear"]), required=False)
@click.option("--comment", default="", help="What a reader should know.")
@pass_tool
def review(tool: Tool, *, identity: UUID, verdict: str | None, comment: str) -> None:
    """Record a VERDICT on the result ID; without one, show the verdicts so far, newest first."""
    path = f"/classifications/{identity}/review"
    if verdict is not None:
        try:
            tool.gateway.post(path, {"verdict": verdict, "comment": comment}, idempotency_key=uuid4().hex)
        except OutcomeUnknown as exc:
            raise OutcomeUnknown(f"{exc.format_message()}; `idc review {identity}` shows whether it is") from exc
    rows = [
        [terminal.moment(item["reviewed_at"]), item["verdict"], escape(item["reviewer"]), escape(item["comment"])]
        for item in tool.gateway.get(path)["items"]
    ]
    terminal.screen().print(terminal.table(["when", "verdict", "who", "comment"], rows))
