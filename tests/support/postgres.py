"""A real PostgreSQL server of a test's own, from Debian's package."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from uuid import uuid4

ACCOUNT = "postgres"


class PostgresServer:
    """Listens on a socket in a folder of its own; starts, stops, and makes databases."""

    def __init__(self) -> None:
        self._programs = _programs()
        # A socket's path must be short (108 bytes), which pytest's folders are not.
        self._folder = Path(tempfile.mkdtemp(prefix="idc-pg-"))
        if os.geteuid() == 0:
            shutil.chown(self._folder, ACCOUNT, ACCOUNT)

    def start(self) -> None:
        """Make a cluster and start its server; wait until it answers."""
        data = str(self._folder / "data")
        self._run("initdb", "--pgdata", data, "--auth", "trust", "--username", ACCOUNT, "--no-sync")
        options = f"-c listen_addresses= -c unix_socket_directories={self._folder} -c max_connections=100"
        log = str(self._folder / "log")
        self._run("pg_ctl", "--pgdata", data, "--log", log, "--options", options, "--wait", "start")

    def new_database(self) -> str:
        """Make an empty database and return its SQLAlchemy URL."""
        name = f"t{uuid4().hex}"
        self._run("createdb", "--host", str(self._folder), "--username", ACCOUNT, name)
        return f"postgresql+psycopg://{ACCOUNT}@/{name}?host={self._folder}"

    def end_connections(self) -> None:
        """Cut every client off, as a restart of the server would, and wait until they are."""
        query = "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname LIKE 't%'"
        self._run("psql", "--host", str(self._folder), "--username", ACCOUNT, "--command", query)

    def stop(self) -> None:
        """Stop the server and delete its cluster."""
        self._run("pg_ctl", "--pgdata", str(self._folder / "data"), "--mode", "immediate", "stop")
        shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str) -> None:
        # PostgreSQL refuses to run as root.
        prefix = ["runuser", "-u", ACCOUNT, "--"] if os.geteuid() == 0 else []
        command = [*prefix, str(self._programs / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd="/")
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stdout[-500:]}{done.stderr[-1000:]}")


def _programs() -> Path:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not installed:
        raise FileNotFoundError("PostgreSQL is not installed: run `make tools`")
    return installed[-1]
