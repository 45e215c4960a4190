"""Backup, loss of the volumes and restore; a database of an older version, and of a newer one."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.checkout import Checkout
from support.demo_patches import solid_png
from support.eventually import wait_until
from support.tiny_bundle import write_tiny_bundle

pytestmark = pytest.mark.e2e
OLD_DATABASE = Path(__file__).with_name("database-of-revision-0003.sql")
OLD_RESULT = "1a61e294-e935-4e91-914b-0ae69cc1101f"
RED = solid_png((250, 20, 20))
PUT_DATABASE = """
import base64, pathlib, sqlite3, sys
database = pathlib.Path("/var/lib/idc/gateway.sqlite3")
for name in database.parent.glob("gateway.sqlite3*"):
    name.unlink()
connection = sqlite3.connect(database)
connection.executescript(base64.b64decode(sys.argv[1]).decode())
connection.close()
"""
OF_A_NEWER_VERSION = """
import sqlite3
with sqlite3.connect("/var/lib/idc/gateway.sqlite3") as connection:
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
"""


@pytest.fixture(autouse=True)
def quiet_alarm() -> None:
    """These tests have a stack of their own."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A running stack with the made-up model and without an alarm."""
    root = tmp_path_factory.mktemp("backup")
    models = root / "models"
    models.mkdir(mode=0o755)
    write_tiny_bundle(models)
    stack = Checkout(root / f"idc-e2e-{uuid4().hex[:8]}", {"IDC_MODELS": str(models), "IDC_PRETEND_ALARM": "0"})
    root.chmod(0o755)
    try:
        stack.up("--build")
        yield stack
    finally:
        stack.remove()


def ask(stack: Checkout, method: str, path: str, **options: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {stack.api_key()}", **options.pop("headers", {})}
    answer = httpx.request(method, stack.url + path, headers=headers, timeout=30, **options)
    answer.raise_for_status()
    return answer


def classify(stack: Checkout) -> dict[str, Any]:
    headers = {"Content-Type": "image/png"}
    item: dict[str, Any] = ask(stack, "POST", "/api/v1/classifications", content=RED, headers=headers).json()["items"][
        0
    ]
    return item


def events_after(stack: Checkout, position: str | None) -> list[str]:
    """The first lines of the stream of events, up to the first sign that it is live."""
    headers = {"Authorization": f"Bearer {stack.api_key()}"} | ({"Last-Event-ID": position} if position else {})
    lines = []
    with httpx.stream("GET", f"{stack.url}/api/v1/events", headers=headers, timeout=30) as answer:
        for line in answer.iter_lines():
            lines.append(line)
            if line.startswith(("data:", ": keep-alive")) and len(lines) > 2:
                break
    return lines


def position_now(stack: Checkout) -> str:
    return next(line for line in events_after(stack, None) if line.startswith("id:")).removeprefix("id:").strip()


def run_in_gateway(stack: Checkout, *command: str) -> str:
    """Run a command on the gateway's volume while the gateway is stopped."""
    return stack.compose("run", "--rm", "--no-deps", "-T", "gateway", *command)


def test_backup_brings_results_and_images_back_after_the_volumes_are_lost(stack: Checkout) -> None:
    kept = classify(stack)
    saved = stack.run("sh", "-c", "docker compose exec -T gateway idc-gateway backup - > idc-backup.tar")
    assert saved.returncode == 0, saved.stderr
    later = classify(stack)
    position = position_now(stack)

    stack.compose("down", "--volumes")
    stack.up()
    stack.compose("stop", "gateway")
    restored = stack.run(
        "sh", "-c", "docker compose run --rm --no-deps -T gateway idc-gateway restore - < idc-backup.tar"
    )
    assert restored.returncode == 0, restored.stderr
    stack.up()

    listed = [item["id"] for item in ask(stack, "GET", "/api/v1/classifications").json()["items"]]
    assert kept["id"] in listed
    assert later["id"] not in listed
    assert ask(stack, "GET", f"/api/v1/classifications/{kept['id']}/image").content == RED
    assert ask(stack, "GET", "/api/v1/audit/verification").json()["intact"] is True
    assert "event: missed" in events_after(stack, position)


def test_restore_refuses_a_backup_that_was_cut_off_and_changes_nothing(stack: Checkout) -> None:
    stack.compose("stop", "gateway")
    try:
        refused = stack.run(
            "sh",
            "-c",
            "head -c 2000 idc-backup.tar | docker compose run --rm --no-deps -T gateway idc-gateway restore -",
        )
    finally:
        stack.up()

    assert refused.returncode == 69
    assert ask(stack, "GET", "/api/v1/classifications").json()["items"]


def test_database_of_an_older_version_is_brought_up_to_date_and_keeps_its_results(stack: Checkout) -> None:
    stack.compose("stop", "gateway")
    text = base64.b64encode(OLD_DATABASE.read_bytes()).decode()
    run_in_gateway(stack, "python", "-c", PUT_DATABASE, text)
    stack.up()

    (item,) = ask(stack, "GET", "/api/v1/classifications").json()["items"]

    assert (item["id"], item["decision"], item["model"]["version"]) == (OLD_RESULT, "idc", "2")
    assert ask(stack, "GET", "/api/v1/audit/verification").json()["intact"] is True


def test_database_of_a_newer_version_is_refused_with_one_line(stack: Checkout) -> None:
    stack.compose("stop", "gateway")
    run_in_gateway(stack, "python", "-c", OF_A_NEWER_VERSION)

    refused = stack.run("docker", "compose", "run", "--rm", "--no-deps", "-T", "gateway")

    assert refused.returncode == 69
    told = [line for line in (refused.stdout + refused.stderr).splitlines() if "newer version" in line]
    assert len(told) == 1
    assert "9999" in told[0]
    wait_until(lambda: "gateway" not in stack.running(), "it does not run")
