"""Programs that benchmarks and tests start leave nothing running, however they end."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from support.eventually import eventually
from support.process_tree import process_tree, session_members

pytestmark = pytest.mark.integration

SERVER = """
import multiprocessing, os, signal, sys, time
def work(path, is_stubborn):
    if is_stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    open(path, "w").write(str(os.getpid()))
    time.sleep(600)
if __name__ == "__main__":
    for number in range(2):
        path = f"{sys.argv[1]}/{number}"
        multiprocessing.get_context("fork").Process(target=work, args=(path, sys.argv[2] == "stubborn")).start()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # ends without its workers, as some servers do
    time.sleep(600)
"""


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def workers(folder: Path) -> list[int]:
    files = [folder / "0", folder / "1"]
    await eventually(lambda: all(file.exists() and file.read_text() for file in files), 60)
    return [int(file.read_text()) for file in files]


@pytest.mark.parametrize("kind", ["usual", "stubborn"])
def test_server_that_ends_without_its_workers_leaves_none_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("support.process_tree.GRACE_S", 2.0)
    with (
        (tmp_path / "log").open("wb") as log,
        process_tree([sys.executable, "-c", SERVER, str(tmp_path), kind], environment=os.environ, log=log) as process,
    ):
        pids = asyncio.run(workers(tmp_path))
        assert set(pids) <= set(session_members(process.pid))

    asyncio.run(eventually(lambda: not any(map(is_alive, pids)), 60))


PROGRAM = """
import os, signal, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from support.process_tree import end_on_sigterm, process_tree
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for programs in the background
end_on_sigterm()
with open(os.devnull, "wb") as log:
    with process_tree([sys.executable, "-c", sys.argv[2], sys.argv[3], "usual"], environment=os.environ, log=log):
        time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_program_that_is_interrupted_takes_its_servers_with_it(tmp_path: Path, number: signal.Signals) -> None:
    tests = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), tests, SERVER, str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as program:
        pids = asyncio.run(workers(tmp_path))
        program.send_signal(number)
        program.wait(timeout=60)

    asyncio.run(eventually(lambda: not any(map(is_alive, pids)), 60))
