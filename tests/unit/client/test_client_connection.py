"""The tool's requests: retries, what a lost answer means, and what refusals become."""

from pathlib import Path

import httpx
import pytest

from idc_client.errors import ClientError, InputRejected, KeyRejected, OutcomeUnknown, Unavailable
from idc_client.gateway.connection import MAX_PAUSE_S, TRIES, Connection
from support.scripted_gateway import Answer, ScriptedGateway, files_of, problem

OK = httpx.Response(200, json={"fine": True})
LOST = httpx.ReadError("the connection was reset")
AWAY = httpx.ConnectError("refused")


def connected(*answers: Answer) -> tuple[Connection, ScriptedGateway]:
    gateway = ScriptedGateway(list(answers))
    return Connection("http://gateway", "idc_secret", transport=gateway, pause=gateway.waits_s.append), gateway


@pytest.mark.parametrize("trouble", [AWAY, LOST, problem(503, "busy"), problem(429, "too often"), problem(502, "no")])
def test_passing_trouble_is_waited_out(trouble: Answer) -> None:
    connection, gateway = connected(trouble, trouble, OK)

    assert connection.get("/status") == {"fine": True}
    assert len(gateway.requests) == 3
    assert gateway.waits_s == sorted(gateway.waits_s)


def test_gateway_says_when_to_come_back() -> None:
    connection, gateway = connected(problem(503, "busy", **{"Retry-After": "7"}), OK)

    connection.get("/status")

    assert gateway.waits_s == [7.0]


@pytest.mark.parametrize("asked", ["86400", "nan seconds", "-3", "inf"])
def test_pause_is_bounded_whatever_the_gateway_asks(asked: str) -> None:
    connection, gateway = connected(problem(503, "busy", **{"Retry-After": asked}), OK)

    connection.get("/status")

    assert 0 < gateway.waits_s[0] <= MAX_PAUSE_S


def test_lasting_trouble_ends_the_tries() -> None:
    connection, gateway = connected(problem(503, "no inference server is ready"))

    with pytest.raises(Unavailable, match="no inference server is ready"):
        connection.get("/status")
    assert len(gateway.requests) == TRIES


@pytest.mark.parametrize(
    ("answer", "told"), [(LOST, "may or may not be stored"), (httpx.Response(504), "may have been made")]
)
def test_unsafe_request_is_not_repeated_after_an_answer_was_lost_here_or_at_a_proxy(answer: Answer, told: str) -> None:
    connection, gateway = connected(answer, OK)

    with pytest.raises(OutcomeUnknown, match=told):
        connection.post("/keys", {"name": "k"})
    assert len(gateway.requests) == 1


def test_repeated_post_has_the_same_idempotency_key() -> None:
    connection, gateway = connected(LOST, problem(503, "busy"), OK)

    connection.post("/alarms/alarm/tests", {"by": "me"}, idempotency_key="once")

    assert [request.headers["Idempotency-Key"] for request in gateway.requests] == ["once"] * 3


def test_outcome_is_unknown_where_an_answer_was_lost_and_the_gateway_stays_away() -> None:
    connection, _ = connected(LOST, AWAY)

    with pytest.raises(OutcomeUnknown):
        connection.post("/alarms/alarm/tests", {"by": "me"}, idempotency_key="once")


@pytest.mark.parametrize(
    ("status", "expected", "exit_code"),
    [
        (401, KeyRejected, 3),
        (403, KeyRejected, 3),
        (404, InputRejected, 4),
        (413, InputRejected, 4),
        (500, Unavailable, 5),
    ],
)
def test_refusal_is_reported_at_once_with_its_exit_code(
    status: int, expected: type[ClientError], exit_code: int
) -> None:
    connection, gateway = connected(problem(status, "because of this"))

    with pytest.raises(expected, match="because of this") as refusal:
        connection.get("/status")
    assert (refusal.value.exit_code, len(gateway.requests)) == (exit_code, 1)


def test_body_is_sent_again_whole() -> None:
    connection, gateway = connected(LOST, OK)

    connection.upload("/classifications", [("images", ("a.png", b"all"))], {})

    assert [files_of(request) for request in gateway.requests] == [[("a.png", b"all")]] * 2


def test_key_is_in_no_text() -> None:
    connection, _ = connected(AWAY)

    with pytest.raises(Unavailable) as failure:
        connection.get("/status")
    assert "idc_secret" not in f"{failure.value} {connection!r}"


def test_invalid_authority_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputRejected, match="not the certificate of an authority"):
        Connection("https://gateway", "k", tmp_path / "missing.pem").get("/status")
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(InputRejected, match="not the certificate of an authority"):
        Connection("https://gateway", "k", tmp_path / "empty.pem").get("/status")


@pytest.mark.parametrize(
    "url", ["gateway:8080", "localhost:8080", "gateway", "ftp://gateway", "http://", "", "http://[::1"]
)
def test_invalid_address_is_reported_before_anything_is_sent(url: str) -> None:
    with pytest.raises(InputRejected, match="use --url http"):
        Connection(url, "k").get("/status")


@pytest.mark.parametrize("key", ["two words", "caf\xe9", "a\nb"])
def test_invalid_key_is_reported(key: str) -> None:
    with pytest.raises(KeyRejected, match="copy the whole key again"):
        Connection("http://gateway", key).get("/status")


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate", "--ca-file"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Hostname mismatch", "another name"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired", "clock"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate is not yet valid", "clock"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", "http://HOST"),
        ("[SSL] record layer failure", "http://HOST"),
    ],
)
def test_trouble_with_certificates_has_its_remedy_and_is_not_tried_again(reason: str, remedy: str) -> None:
    connection, gateway = connected(httpx.ConnectError(reason))

    with pytest.raises(Unavailable, match=remedy):
        connection.get("/status")
    assert len(gateway.requests) == 1


@pytest.mark.parametrize(
    ("answer", "remedy"),
    [
        (httpx.Response(308, headers={"Location": "https://gateway/"}), "redirects to https://gateway/: use that"),
        (httpx.Response(400, text="Client sent an HTTP request to an HTTPS server."), "use --url https://HOST"),
        (httpx.Response(200, text="<html>sign in</html>"), "is there a gateway"),
        (httpx.Response(200, json=[1]), "is there a gateway"),
        (httpx.Response(404, text="<html>nginx</html>"), "is there a gateway"),
    ],
)
def test_answer_of_another_server_has_its_remedy(answer: httpx.Response, remedy: str) -> None:
    connection, _ = connected(answer)

    with pytest.raises(InputRejected, match=remedy):
        connection.get("/status")


def test_question_without_an_answer_changed_nothing() -> None:
    connection, _ = connected(httpx.ReadTimeout("too slow"))

    with pytest.raises(Unavailable, match="--timeout-s"):
        connection.get("/audit/verification")


def test_deletion_whose_answer_was_lost_is_done() -> None:
    connection, gateway = connected(LOST, problem(404, "there is no such key"))

    connection.delete("/keys/k")

    assert len(gateway.requests) == 2
