"""The gateway behind Caddy, with an authority of the machine's own."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.compose_stack import ComposeStack
from support.demo_patches import solid_png
from support.mosquitto import free_port
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
            "IDC_TLS_SUBNET": "10.213.1.0/28",
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


def test_http_is_sent_to_https(secured: TlsStack) -> None:
    answer = httpx.get(f"{secured.url}/docs?x=1", headers={"Host": DOMAIN})

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


def test_clients_word_on_its_address_is_not_believed(secured: TlsStack, authority: str) -> None:
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


def test_results_come_line_by_line_through_the_proxy(client: httpx.Client) -> None:
    files = [("images", (f"{number}.png", solid_png((10, 20, 20)), "image/png")) for number in range(300)]

    with client.stream(
        "POST", "/api/v1/classifications", files=files, headers={"Accept": "application/x-ndjson"}
    ) as answer:
        lines = [line for line in answer.iter_lines() if line]

    assert len(lines) == 301
