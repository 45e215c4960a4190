"""`idc alarm`: which findings are acknowledged, and where."""

from typing import Any

import httpx
import pytest
from click.testing import Result

from support.scripted_gateway import ScriptedGateway, problem, result, run_idc


def run(gateway: ScriptedGateway, *arguments: str) -> Result:
    return run_idc(gateway, "alarm", *arguments)


def alarm(device: str, findings: int | None = 0, newest: str | None = None, *, online: bool = True) -> dict[str, Any]:
    since = "2026-01-01T12:00:00Z" if findings else None
    item = {"device": device, "online": online, "latched_since": since, "technical": [], "lamps": None}
    item |= {"state": None, "buzzer": None, "silenced_until": None}
    return item if findings is None else item | {"findings": findings, "latest_finding": newest}


def site(*alarms: dict[str, Any]) -> ScriptedGateway:
    """A gateway with these alarms; the only classification that it knows is `known`."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(202, json={"by": "key", "note": None})
        if request.url.path == "/api/v1/classifications/known":
            return httpx.Response(200, json=result("tile.png"))
        if request.url.path != "/api/v1/alarms":
            return problem(404, "there is no such result")
        return httpx.Response(200, json={"broker_connected": True, "items": list(alarms)})

    return ScriptedGateway([answer])


def told(gateway: ScriptedGateway) -> list[tuple[str, Any]]:
    posts = [request for request in gateway.requests if request.method == "POST"]
    return [
        (request.url.path.removeprefix("/api/v1/alarms/"), document)
        for request, document in zip(posts, gateway.documents, strict=True)
    ]


def test_acknowledgement_names_the_newest_finding_that_was_shown() -> None:
    gateway = site(alarm("bench", 3, "known"))

    done = run(gateway, "ack", "--note", "seen by two")

    assert done.exit_code == 0, done.output
    assert told(gateway) == [("bench/acknowledgements", {"up_to": "known", "note": "seen by two"})]
    assert "bench: 3 findings" in done.stdout
    assert "known (tile.png, P(IDC) 0.900)" in done.stdout


def test_finding_whose_result_was_deleted_can_be_acknowledged() -> None:
    gateway = site(alarm("bench", 1, "gone"))

    assert run(gateway, "ack").exit_code == 0
    assert told(gateway) == [("bench/acknowledgements", {"up_to": "gone"})]


@pytest.mark.parametrize("other", [alarm("pretend"), alarm("pretend", 1, "known", online=False)])
def test_alarm_that_waits_needs_no_name_beside_a_quiet_or_an_absent_one(other: dict[str, Any]) -> None:
    gateway = site(alarm("pi", 1, "known"), other)

    done = run(gateway, "ack")

    assert done.exit_code == 0, done.output
    assert told(gateway) == [("pi/acknowledgements", {"up_to": "known"})]
    assert ("findings still wait at pretend" in done.stderr) == bool(other["findings"])


def test_absent_alarm_is_acknowledged_where_it_alone_waits() -> None:
    gateway = site(alarm("pi", online=False, findings=1, newest="known"), alarm("pretend"))

    assert run(gateway, "ack").exit_code == 0
    assert [path for path, _ in told(gateway)] == ["pi/acknowledgements"]


def test_several_that_wait_are_listed_and_all_acknowledges_each_up_to_its_own_finding() -> None:
    gateway = site(alarm("a", 1, "known"), alarm("b", 2, "other"), alarm("c"), alarm("d", 1, "d", online=False))

    asked = run(gateway, "ack")
    done = run(gateway, "ack", "--all")

    assert (asked.exit_code, "a, b, d (offline)" in asked.stderr, "--all" in asked.stderr) == (4, True, True)
    assert done.exit_code == 0, done.output
    assert [(path, document["up_to"]) for path, document in told(gateway)] == [
        ("a/acknowledgements", "known"),
        ("b/acknowledgements", "other"),
        ("d/acknowledgements", "d"),
    ]


def test_nothing_is_sent_where_nothing_waits() -> None:
    gateway = site(alarm("a"), alarm("b"))

    done = run(gateway, "ack")

    assert (done.exit_code, told(gateway)) == (0, [])
    assert "no findings wait at any alarm" in done.stdout


def test_gateway_that_names_no_findings_gets_a_command_without_one() -> None:
    gateway = site({**alarm("bench", None), "latched_since": "2026-01-01T12:00:00Z"})

    assert run(gateway, "ack").exit_code == 0
    assert told(gateway) == [("bench/acknowledgements", {})]


def test_command_goes_to_the_named_alarm_whatever_the_list_says() -> None:
    gateway = site(alarm("a", 1, "known"), alarm("b", 1, "other"))

    run(gateway, "ack", "b")
    run(gateway, "ack", "unknown")

    assert told(gateway) == [("b/acknowledgements", {"up_to": "other"}), ("unknown/acknowledgements", {})]


def test_only_alarm_that_is_there_needs_no_name() -> None:
    gateway = site(alarm("bench"), alarm("pretend", online=False))

    done = run(gateway, "silence", "--for-s", "90", "--note", "demonstration")

    assert done.exit_code == 0, done.output
    assert told(gateway) == [("bench/silences", {"duration_s": 90, "note": "demonstration"})]


def test_several_alarms_must_be_named() -> None:
    done = run(site(alarm("a"), alarm("b")), "test")

    assert (done.exit_code, "a, b" in done.stderr) == (4, True)


def test_name_in_a_path_stays_one_part_of_it() -> None:
    gateway = site()

    run(gateway, "test", "../keys?x")

    assert gateway.requests[0].url.raw_path == b"/api/v1/alarms/..%2Fkeys%3Fx/tests"


def test_list_says_how_many_findings_wait_and_that_it_may_be_old() -> None:
    items = {"broker_connected": False, "items": [alarm("bench", 12, "known")]}

    done = run(ScriptedGateway([httpx.Response(200, json=items)]), "list")

    assert (done.exit_code, "12" in done.stdout, "may be outdated" in done.stderr) == (0, True, True)


def test_unknown_outputs_are_not_called_dark_and_off() -> None:
    lit = {"lamps": {"red": True, "amber": False, "blue": False}, "buzzer": False, "state": "finding"}

    silent = run(site(alarm("bench")), "list").stdout
    gone = run(site(alarm("bench", online=False) | lit), "list").stdout

    assert "dark" not in silent
    assert silent.count("unknown") == 3
    assert "unknown, last red" in gone
    assert "unknown, last off" in gone


def test_site_without_an_alarm_is_reported() -> None:
    assert "no alarm has reported yet" in run(site(), "list").stderr
