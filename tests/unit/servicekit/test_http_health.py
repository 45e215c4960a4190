import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from idc_servicekit.http_health import main, status_of


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(int(self.path.strip("/") or 200))
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("status", "code"), [(200, 0), (204, 0), (301, 1), (404, 1), (503, 1)])
def test_only_success_is_healthy(url: str, status: int, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"{url}/{status}"]) == code
    assert f"{url}/{status}: {status}" in capsys.readouterr().out


def test_address_without_a_path_asks_for_the_root(url: str) -> None:
    assert status_of(url, timeout_s=5) == 200


def test_nobody_there_is_unhealthy_and_says_why(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["http://127.0.0.1:1/readyz", "2"]) == 1
    assert "refused" in capsys.readouterr().out
