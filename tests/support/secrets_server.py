"""The part of a Kubernetes API server that the bootstrap uses: named Secrets, and what an account may do with them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from support.pod_programs import serving_json

VERBS = {"GET": "get", "PUT": "update"}


@dataclass
class SecretsServer:
    """Its Secrets by name. `allowed` are the verbs that its one account has for each name, as a Role lists them."""

    allowed: dict[str, set[str]]
    token: str = "token-of-the-pod"
    url: str = ""
    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        """An empty Secret, as `kubectl apply -k k8s/data` makes it."""
        self.secrets[name] = {"metadata": {"name": name, "resourceVersion": "1"}, "type": "Opaque"}

    def answer(
        self, method: str, path: str, sent: dict[str, Any] | None, authorization: str
    ) -> tuple[int, dict[str, Any]]:
        """The status and the body for a request."""
        folder, _, name = path.rpartition("/")
        if authorization != f"Bearer {self.token}":
            return 401, {}
        if folder != "/api/v1/namespaces/idc-sentinel/secrets" or VERBS[method] not in self.allowed.get(name, set()):
            return 403, {}
        if name not in self.secrets:
            return 404, {}
        held = self.secrets[name]
        if sent is None:
            return 200, held
        if sent["metadata"]["resourceVersion"] != held["metadata"]["resourceVersion"]:
            return 409, {}
        version = str(int(held["metadata"]["resourceVersion"]) + 1)
        self.secrets[name] = sent | {"metadata": sent["metadata"] | {"resourceVersion": version}}
        self.written.append(name)
        return 200, self.secrets[name]


@contextmanager
def serving(server: SecretsServer) -> Iterator[SecretsServer]:
    """Serve it on a free port of this machine; `url` says which."""
    with serving_json(server.answer) as server.url:
        yield server
