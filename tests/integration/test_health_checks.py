"""The health checks of the images: what they ask, and when `watch.sh` asks."""

import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from support.compose_stack import wait_until
from support.free_port import free_port
from support.health_checks import HEALTH, check

pytestmark = pytest.mark.integration


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(int(self.path.strip("/")))
        self.end_headers()
        self.wfile.write(b"the reason")

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("status", "code"), [(200, 0), (204, 0), (301, 1), (404, 1), (503, 1)])
def test_only_success_is_healthy(port: int, status: int, code: int) -> None:
    assert check("http.sh", port, f"/{status}").returncode == code


def test_answer_that_is_not_a_success_is_printed(port: int) -> None:
    said = check("http.sh", port, "/503").stdout

    assert "HTTP/1.0 503" in said
    assert "the reason" in said


def test_port_where_no_one_listens_is_unhealthy() -> None:
    done = check("http.sh", free_port(), "/readyz")

    assert done.returncode == 1
    assert "refused" in done.stderr


def watch(folder: Path, *command: object) -> "subprocess.Popen[bytes]":
    """`watch.sh` that asks every 50 ms and remembers in a folder that it has passed."""
    arguments = [HEALTH / "watch.sh", "0.05", *map(str, command)]
    return subprocess.Popen(arguments, env=os.environ | {"HEALTH_FOLDER": str(folder)})


def test_runs_check_once_until_the_check_has_passed(tmp_path: Path) -> None:
    wanted = tmp_path / "wanted"

    assert watch(tmp_path, "test", "-e", wanted).wait(timeout=30) == 1
    wanted.touch()
    assert watch(tmp_path, "test", "-e", wanted).wait(timeout=30) == 0


def test_later_run_stays_and_ends_at_the_first_failure(tmp_path: Path) -> None:
    wanted, count = tmp_path / "wanted", tmp_path / "count"
    wanted.touch()
    command = f"echo >> {count}; test -e {wanted}"
    assert watch(tmp_path, "sh", "-c", command).wait(timeout=30) == 0

    later = watch(tmp_path, "sh", "-c", command)
    wait_until(lambda: len(count.read_text()) > 3, "it has checked several times")
    wanted.unlink()

    assert later.wait(timeout=30) == 1
    assert watch(tmp_path, "sh", "-c", command).wait(timeout=30) == 1, "after a failure, runs check once again"


def test_run_of_a_healthy_container_ends_in_time_for_the_engine(tmp_path: Path) -> None:
    assert watch(tmp_path, "true").wait(timeout=30) == 0

    assert watch(tmp_path, "true").wait(timeout=60) == 0


def test_check_that_hangs_has_failed(tmp_path: Path) -> None:
    assert watch(tmp_path, "sleep", "300").wait(timeout=60) == 1
