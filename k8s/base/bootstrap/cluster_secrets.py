"""Carries the bootstrap's files between a folder and the cluster's Secrets, with Python's standard library alone.

    cluster_secrets.py read FOLDER     write each Secret's entries as files of FOLDER/<account>/
    cluster_secrets.py write FOLDER    put files that were made since into the Secrets

`bootstrap.sh FOLDER` runs in between. Once the broker has its accounts, `write` replaces certificates and their keys
only: a password, an API key or the authority is never overwritten. Interrupted, the next run completes it.

Exit codes: 0; 69 the API server does not answer or refuses; 75 a Secret was changed meanwhile; 77 a file would replace
a Secret's entry that must stay. One line on standard error says which.
"""

import base64
import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

# The broker's is last: with its accounts, the others' passwords are in use.
SECRETS: Final = {
    account: f"idc-{'authority' if account == 'ca' else account}"
    for account in ("ca", "gateway", "alarm", "operator", "metrics", "slides", "inference", "broker")
}
RENEWED: Final = {"server.crt", "server.key", "client.crt", "client.key", "server.names", "inference.names"}
TOKEN_FOLDER: Final = Path("/run/secrets/kubernetes.io/serviceaccount")
# a network policy takes effect some seconds after its pod's start
ANSWER_WITHIN_S: Final = 120.0
EX_UNAVAILABLE, EX_TEMPFAIL, EX_NOPERM = 69, 75, 77

Secret = dict[str, Any]


class Refused(Exception):
    """What cannot be done, and the exit code for it."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class SecretsApi:
    """Secrets of one namespace at the API server."""

    def __init__(self, server: str, namespace: str, token: str, trust: ssl.SSLContext | None = None) -> None:
        self._base = f"{server}/api/v1/namespaces/{namespace}/secrets"
        self._token = token
        self._trust = trust

    @classmethod
    def of_this_pod(cls) -> "SecretsApi":
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        trust = ssl.create_default_context(cafile=str(TOKEN_FOLDER / "ca.crt"))
        address = f"[{host}]" if ":" in host else host
        token = (TOKEN_FOLDER / "token").read_text()
        return cls(f"https://{address}:{port}", os.environ["NAMESPACE"], token, trust)

    def get(self, name: str) -> Secret:
        return self._ask("GET", name, None)

    def replace(self, secret: Secret) -> None:
        """Write a Secret, unless it was changed since it was read (`metadata.resourceVersion`)."""
        self._ask("PUT", secret["metadata"]["name"], json.dumps(secret).encode())

    def _ask(self, method: str, name: str, body: bytes | None) -> Secret:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._base}/{name}", body, headers, method=method)
        until = time.monotonic() + ANSWER_WITHIN_S
        while True:
            try:
                with urllib.request.urlopen(request, timeout=10, context=self._trust) as answer:
                    found: Secret = json.load(answer)
                    return found
            except urllib.error.HTTPError as error:
                error.close()
                raise _refused(name, error) from error
            except OSError as error:
                if time.monotonic() > until:
                    raise Refused(f"the API server does not answer: {error}", EX_UNAVAILABLE) from error
                time.sleep(1)


def _refused(name: str, error: urllib.error.HTTPError) -> Refused:
    if error.code == 409:
        return Refused(f"Secret {name} was changed meanwhile: run it again", EX_TEMPFAIL)
    if error.code == 404:
        return Refused(f"Secret {name} does not exist: kubectl apply -k k8s/data", EX_UNAVAILABLE)
    return Refused(f"Secret {name}: the API server answers {error.code} {error.reason}", EX_UNAVAILABLE)


def entries(secret: Secret) -> dict[str, bytes]:
    return {key: base64.b64decode(value) for key, value in (secret.get("data") or {}).items()}


def read(api: SecretsApi, folder: Path) -> None:
    """Write the Secrets' entries into FOLDER/<account>/, and what was read into FOLDER/.read.json."""
    secrets = {account: api.get(name) for account, name in SECRETS.items()}
    for account, secret in secrets.items():
        home = folder / account
        home.mkdir(parents=True, exist_ok=True)
        for key, content in entries(secret).items():
            (home / key).write_bytes(content)
            (home / key).chmod(0o400)
    (folder / ".read.json").write_text(json.dumps(secrets))


def write(api: SecretsApi, folder: Path) -> list[str]:
    """Put the files of FOLDER/<account>/ into the Secrets that they change, and name what was written.

    Raises:
        Refused: A file differs from an entry that must stay; nothing is written then.
    """
    secrets: dict[str, Secret] = json.loads((folder / ".read.json").read_text())
    in_use = "passwords" in entries(secrets["broker"])
    changed = {account: _changed(folder / account, secret) for account, secret in secrets.items()}
    for account, files in changed.items():
        kept = entries(secrets[account]).keys() - RENEWED if in_use or account == "ca" else set()
        if lost := sorted(files.keys() & kept):
            raise Refused(f"Secret {SECRETS[account]}: {', '.join(lost)} would be overwritten", EX_NOPERM)
    done = []
    for account in SECRETS:
        if not changed[account]:
            continue
        secret = secrets[account]
        coded = {key: base64.b64encode(content).decode() for key, content in changed[account].items()}
        api.replace(secret | {"data": (secret.get("data") or {}) | coded})
        done.append(f"{SECRETS[account]}: {', '.join(sorted(coded))}")
    return done


def _changed(home: Path, secret: Secret) -> dict[str, bytes]:
    held = entries(secret)
    files = {file.name: file.read_bytes() for file in home.iterdir() if file.is_file()}
    return {name: content for name, content in files.items() if held.get(name) != content}


def main(arguments: list[str]) -> int:
    """Run one of the two commands."""
    if len(arguments) != 2 or arguments[0] not in ("read", "write"):
        print("usage: cluster_secrets.py read|write FOLDER", file=sys.stderr)
        return os.EX_USAGE
    os.umask(0o077)
    folder = Path(arguments[1])
    try:
        api = SecretsApi.of_this_pod()
        if arguments[0] == "read":
            read(api, folder)
            return 0
        for line in write(api, folder) or ["nothing to write: all Secrets are complete"]:
            print(f"bootstrap: {line}")
    except Refused as error:
        print(f"bootstrap: {error}", file=sys.stderr)
        return error.code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
