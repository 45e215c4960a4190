"""The gateway behind Caddy, with an authority of the machine's own."""

import json
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support import calls
from support.compose_stack import ComposeStack
from support.demo_patches import solid_png
from support.docker_networks import free_network
from support.eventually import wait_until
from support.free_port import free_port
from support.hardening import assert_hardened
from support.tiny_bundle import write_tiny_bundle

pytestmark = pytest.mark.e2e

REPOSITORY = Path(__file__).parents[2]
DOMAIN = "idc.test"


class TlsStack(ComposeStack):
    """The stack with the overlay; people reach it as `https://idc.test`."""

    def __init__(self, models: Path) -> None:
        self.https_port = free_port()
        settings = {
            "IDC_DOMAIN": DOMAIN,
            "IDC_HTTPS_PORT": str(self.https_port),
            "IDC_TLS_NETWORK": free_network(),
        }
        overlay = (REPOSITORY / "docker-compose.tls.yml",)
        super().__init__(REPOSITORY, models, overrides=overlay, environment=settings)

    def browser(self, authority: str | None, **headers: str) -> httpx.Client:
        """A client that looks the name up at this machine, and trusts one authority or those of the system."""
        context = ssl.create_default_context(cadata=authority)
        # The name is in no DNS: the connection goes to this machine, TLS and Host say the name.
        transport = _ToThisMachine(context)
        address = f"https://{DOMAIN}:{self.https_port}"
        return httpx.Client(base_url=address, transport=transport, headers=headers, timeout=30)


class _ToThisMachine(httpx.HTTPTransport):
    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(verify=context)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["Host"] = DOMAIN
        request.extensions = {**request.extensions, "sni_hostname": DOMAIN}
        request.url = request.url.copy_with(host="127.0.0.1")
        return super().handle_request(request)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsStack]:
    """The running stack."""
    models = tmp_path_factory.mktemp("models")
    write_tiny_bundle(models)
    models.chmod(0o755)
    stack = TlsStack(models)
    try:
        stack.start()
        yield stack
    finally:
        stack.remove()


@pytest.fixture(scope="module")
def authority(secured: TlsStack) -> str:
    """The certificate that the documentation's command prints."""
    return secured.exec("tls", "cat", "/var/lib/idc/caddy/pki/authorities/local/root.crt")


@pytest.fixture
def client(secured: TlsStack, authority: str) -> Iterator[httpx.Client]:
    """A program with the first key."""
    with secured.browser(authority, Authorization=f"Bearer {secured.api_key}") as client:
        yield client


def test_page_and_interface_are_served_by_https_with_hsts(client: httpx.Client) -> None:
    page = client.get("/")
    posted = client.post(
        "/api/v1/classifications", content=solid_png((250, 20, 20)), headers={"Content-Type": "image/png"}
    )

    assert "not a medical device" in page.text.lower()
    assert posted.json()["items"][0]["decision"] == "idc"
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_client_that_does_not_know_the_authority_refuses(secured: TlsStack) -> None:
    with secured.browser(None) as stranger, pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        stranger.get("/")


def test_client_that_trusts_another_authority_refuses(secured: TlsStack) -> None:
    of_the_broker = secured.secret("operator", "ca.crt")

    with secured.browser(of_the_broker) as other, pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        other.get("/")


def test_http_is_sent_to_https(secured: TlsStack) -> None:
    answer = calls.get(f"{secured.url}/docs?x=1", headers={"Host": DOMAIN}, timeout=60)

    assert answer.status_code == 308
    assert answer.headers["Location"] == f"https://{DOMAIN}/docs?x=1"


def test_session_cookie_is_for_https_alone(secured: TlsStack, authority: str) -> None:
    with secured.browser(authority) as browser:
        origin = {"Sec-Fetch-Site": "same-origin"}
        answer = browser.post("/api/v1/session", json={"key": secured.api_key}, headers=origin)

    assert answer.status_code == 204
    assert {"Secure", "HttpOnly", "SameSite=strict"} <= {
        part.strip() for part in answer.headers["Set-Cookie"].split(";")
    }


def test_clients_own_claim_of_its_address_is_ignored(secured: TlsStack, authority: str) -> None:
    """Wrong passwords are counted by address: a forged one at each try would never be throttled."""
    statuses = []
    for number in range(30):
        with secured.browser(authority, **{"X-Forwarded-For": f"203.0.113.{number}"}) as guesser:
            credentials = {"name": "admin", "password": f"a wrong password {number}"}
            origin = {"Sec-Fetch-Site": "same-origin"}
            statuses.append(guesser.post("/api/v1/session", json=credentials, headers=origin).status_code)

    assert statuses[0] == 401
    assert statuses[-1] == 429


def test_gateway_and_its_figures_are_reached_by_nothing_else(secured: TlsStack, client: httpx.Client) -> None:
    ports = secured.inspect("gateway")["NetworkSettings"]["Ports"]

    assert not any(ports.values())
    assert client.get("/metrics").status_code == 404


def test_host_that_asks_the_gateway_directly_is_not_a_proxy(secured: TlsStack) -> None:
    """The host has an address in Caddy's network; who is on it cannot speak as Caddy does."""
    networks = secured.inspect("gateway")["NetworkSettings"]["Networks"]
    address = networks[f"{secured.project}_tls"]["IPAddress"]
    forged = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https", "Sec-Fetch-Site": "same-origin"}

    answer = calls.post(
        f"http://{address}:8080/api/v1/session", json={"key": secured.api_key}, headers=forged, timeout=60
    )

    assert answer.status_code == 204
    assert "Secure" not in answer.headers["Set-Cookie"]


def test_ten_thousand_files_pass_and_their_results_come_line_by_line(client: httpx.Client) -> None:
    image = solid_png((10, 20, 20))
    files = [("images", (f"{number}.png", image, "image/png")) for number in range(10_000)]

    with client.stream(
        "POST", "/api/v1/classifications", files=files, headers={"Accept": "application/x-ndjson"}, timeout=240
    ) as answer:
        lines = [json.loads(line) for line in answer.iter_lines() if line]

    assert answer.status_code == 200
    assert len(lines) == 10_001
    assert lines[-1] == {"accepted": 10_000, "refused": 0}
    assert [line["index"] for line in lines[:-1]] == list(range(10_000))


def test_body_beyond_the_gateways_limit_is_refused_by_the_gateway(client: httpx.Client) -> None:
    """Caddy has no limit of its own that could differ."""
    answer = client.post(
        "/api/v1/classifications", content=bytes(4 * 1024 * 1024), headers={"Content-Type": "image/png"}
    )

    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_long_head_is_refused(client: httpx.Client) -> None:
    assert client.get("/livez", headers={"X-Long": "x" * 100_000}).status_code == 431


def test_event_comes_while_the_answer_goes_on(client: httpx.Client, secured: TlsStack, authority: str) -> None:
    with (
        secured.browser(authority, Authorization=f"Bearer {secured.api_key}") as watcher,
        watcher.stream("GET", "/api/v1/events") as events,
    ):
        posted = client.post(
            "/api/v1/classifications", content=solid_png((250, 20, 20)), headers={"Content-Type": "image/png"}
        )
        new = posted.json()["items"][0]["id"]
        deadline = time.monotonic() + 60
        seen = next(line for line in events.iter_lines() if new in line or time.monotonic() > deadline)

    assert seen.startswith("data: ")
    assert new in seen


def test_lab_authority_outlives_the_container(secured: TlsStack, authority: str) -> None:
    secured.compose("rm", "--force", "--stop", "tls")
    secured.start(build=False)

    with secured.browser(authority) as browser:
        wait_until(lambda: browser.get("/livez").is_success, "Caddy answers with the same authority")


def test_mail_address_asks_lets_encrypt_for_the_domains_certificate(secured: TlsStack) -> None:
    """No test reaches Let's Encrypt: this is what Caddy understands of the settings."""
    adapted = secured.exec(
        "tls", "env", "IDC_TLS=you@hospital.example", "caddy", "adapt", "--config", "/etc/caddy/Caddyfile"
    )

    (policy,) = json.loads(adapted)["apps"]["tls"]["automation"]["policies"]
    assert policy["subjects"] == [DOMAIN]
    assert {(issuer["module"], issuer["email"]) for issuer in policy["issuers"]} >= {("acme", "you@hospital.example")}


def test_end_of_the_certificate_is_reported_to_prometheus(secured: TlsStack) -> None:
    secured.compose("--profile", "observability", "up", "--detach", "--build", "--wait", "observability", "probe")
    (place,) = secured.inspect("observability")["NetworkSettings"]["Ports"]["9090/tcp"]
    address = f"http://127.0.0.1:{place['HostPort']}/api/v1/query"
    query = 'probe_ssl_earliest_cert_expiry{service="tls"} - time()'

    def left_s() -> list[float]:
        found = calls.get(address, params={"query": query}, timeout=60).json()["data"]["result"]
        return [float(sample["value"][1]) for sample in found]

    wait_until(lambda: bool(left_s()), "Caddy's certificate was looked at", 150)

    assert 0 < left_s()[0] <= 12 * 3600


def test_tls_container_is_hardened(secured: TlsStack) -> None:
    assert_hardened(secured.inspect("tls"))
