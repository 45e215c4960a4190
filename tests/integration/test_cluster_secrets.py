"""The cluster's bootstrap: real certificates, and an API server that allows what the Role allows."""

import base64
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.broker_scripts import run
from support.kustomized import K8S, of_kind
from support.pod_programs import load_program
from support.secrets_server import SecretsServer, serving

pytestmark = pytest.mark.integration
PROGRAM = K8S / "base/bootstrap/cluster_secrets.py"


program = load_program(PROGRAM)


@pytest.fixture
def cluster() -> Iterator[SecretsServer]:
    """Empty Secrets, and the verbs that the base's Role gives the bootstrap."""
    allowed = {
        name: set(rule["verbs"])
        for rule in of_kind("base", "Role")["bootstrap"]["rules"]
        for name in rule["resourceNames"]
    }
    server = SecretsServer(allowed)
    for name in of_kind("data", "Secret"):
        server.add(name)
    with serving(server):
        yield server


def api(cluster: SecretsServer) -> "program.SecretsApi":  # type: ignore[name-defined]
    return program.SecretsApi(cluster.url, "idc-sentinel", cluster.token)


def bootstrap(cluster: SecretsServer, folder: Path, *arguments: str, **settings: str) -> list[str]:
    """What the Job's three containers do; the names of what was written."""
    program.read(api(cluster), folder)
    done = run("bootstrap.sh", folder, *arguments, **settings)
    assert done.returncode == 0, done.stderr
    written: list[str] = program.write(api(cluster), folder)
    return written


def content(cluster: SecretsServer) -> dict[str, dict[str, bytes]]:
    return {
        name: {key: base64.b64decode(value) for key, value in secret.get("data", {}).items()}
        for name, secret in cluster.secrets.items()
    }


def test_role_names_the_secrets_and_nothing_else() -> None:
    (rule,) = of_kind("base", "Role")["bootstrap"]["rules"]

    assert rule["resources"] == ["secrets"]
    assert set(rule["verbs"]) == {"get", "update"}
    assert set(rule["resourceNames"]) == of_kind("data", "Secret").keys() == set(program.SECRETS.values())
    assert not of_kind("base", "ClusterRole")


def test_first_run_makes_every_file_that_a_pod_waits_for(cluster: SecretsServer, tmp_path: Path) -> None:
    bootstrap(cluster, tmp_path / "first")

    made = content(cluster)
    for kind in ("StatefulSet", "DaemonSet"):
        for document in of_kind("overlays/site", kind).values():
            for volume in document["spec"]["template"]["spec"]["volumes"]:
                if "items" in volume.get("secret", {}):
                    wanted = {item["key"] for item in volume["secret"]["items"]}
                    assert wanted <= made[volume["secret"]["secretName"]].keys()
    assert cluster.written[-1] == "idc-broker"


def test_second_run_writes_nothing(cluster: SecretsServer, tmp_path: Path) -> None:
    bootstrap(cluster, tmp_path / "first")
    before = content(cluster)

    assert bootstrap(cluster, tmp_path / "second") == []
    assert content(cluster) == before


def test_renewal_replaces_certificates_and_nothing_else(cluster: SecretsServer, tmp_path: Path) -> None:
    bootstrap(cluster, tmp_path / "first")
    before = content(cluster)

    bootstrap(cluster, tmp_path / "second", "rotate")

    after = content(cluster)
    changed = {key for name in after for key in after[name] if after[name][key] != before[name].get(key)}
    assert changed == {"server.crt", "server.key", "client.crt", "client.key"}
    (tmp_path / "ca.crt").write_bytes(after["idc-gateway"]["ca.crt"])
    (tmp_path / "server.crt").write_bytes(after["idc-broker"]["server.crt"])
    subprocess.run(
        ["openssl", "verify", "-CAfile", tmp_path / "ca.crt", tmp_path / "server.crt"], check=True, capture_output=True
    )


def test_later_name_stands_in_the_brokers_certificate(cluster: SecretsServer, tmp_path: Path) -> None:
    bootstrap(cluster, tmp_path / "first")

    written = bootstrap(cluster, tmp_path / "second", IDC_BROKER_NAMES="pi.lan")

    assert written == ["idc-authority: server.names", "idc-broker: server.crt, server.key"]
    assert b"pi.lan" in content(cluster)["idc-authority"]["server.names"]


@pytest.mark.parametrize("stopped_after", range(1, 6))
def test_run_that_was_interrupted_is_completed_by_the_next(
    cluster: SecretsServer, tmp_path: Path, stopped_after: int
) -> None:
    whole = dict(cluster.allowed)
    for name in list(program.SECRETS.values())[stopped_after:]:
        cluster.allowed[name] = {"get"}
    with pytest.raises(program.Refused):
        bootstrap(cluster, tmp_path / "first")
    authority = content(cluster)["idc-authority"]["ca.key"]
    cluster.allowed = whole

    bootstrap(cluster, tmp_path / "second")

    made = content(cluster)
    assert made["idc-authority"]["ca.key"] == authority
    assert {made[f"idc-{name}"]["ca.crt"] for name in ("broker", "gateway", "alarm")} == {
        made["idc-authority"]["ca.crt"]
    }
    assert bootstrap(cluster, tmp_path / "third") == []


@pytest.mark.parametrize(
    ("account", "entry"),
    [("gateway", "api-key"), ("gateway", "mqtt-password"), ("broker", "passwords"), ("ca", "ca.key")],
)
def test_credential_is_never_overwritten(cluster: SecretsServer, tmp_path: Path, account: str, entry: str) -> None:
    bootstrap(cluster, tmp_path / "first")
    before = content(cluster)
    program.read(api(cluster), tmp_path / "second")
    (tmp_path / "second" / account / entry).chmod(0o600)
    (tmp_path / "second" / account / entry).write_text("another")

    with pytest.raises(program.Refused, match=f"{entry} would be overwritten") as refused:
        program.write(api(cluster), tmp_path / "second")

    assert refused.value.code == 77
    assert content(cluster) == before


def test_passwords_that_were_taken_away_are_made_anew(cluster: SecretsServer, tmp_path: Path) -> None:
    bootstrap(cluster, tmp_path / "first")
    before = content(cluster)
    del cluster.secrets["idc-broker"]["data"]["passwords"]

    bootstrap(cluster, tmp_path / "second")

    after = content(cluster)
    assert after["idc-gateway"]["mqtt-password"] != before["idc-gateway"]["mqtt-password"]
    assert after["idc-gateway"]["api-key"] == before["idc-gateway"]["api-key"]


def test_secret_that_another_changed_meanwhile_is_left_alone(cluster: SecretsServer, tmp_path: Path) -> None:
    program.read(api(cluster), tmp_path)
    assert run("bootstrap.sh", tmp_path).returncode == 0
    cluster.secrets["idc-authority"]["metadata"]["resourceVersion"] = "2"

    with pytest.raises(program.Refused, match="changed meanwhile") as refused:
        program.write(api(cluster), tmp_path)

    assert refused.value.code == 75
    assert cluster.written == []


def test_missing_secret_is_named_with_what_makes_it(cluster: SecretsServer, tmp_path: Path) -> None:
    del cluster.secrets["idc-alarm"]

    with pytest.raises(program.Refused, match=r"idc-alarm does not exist: kubectl apply -k k8s/data"):
        program.read(api(cluster), tmp_path)


def test_refused_token_ends_the_run_at_once(cluster: SecretsServer, tmp_path: Path) -> None:
    stranger = program.SecretsApi(cluster.url, "idc-sentinel", "another")

    with pytest.raises(program.Refused, match="answers 401") as refused:
        program.read(stranger, tmp_path)
    assert refused.value.code == 69


def test_container_with_a_token_is_not_the_one_that_makes_the_secrets() -> None:
    pod = of_kind("base", "Job")["bootstrap"]["spec"]["template"]["spec"]
    mounts = {
        box["name"]: {mount["name"] for mount in box["volumeMounts"]}
        for box in [*pod["initContainers"], *pod["containers"]]
    }

    assert {name for name, mounted in mounts.items() if "token" in mounted} == {"read", "write"}


def test_certificates_are_renewed_by_the_same_pod_every_day() -> None:
    job = of_kind("base", "Job")["bootstrap"]["spec"]
    renewal = of_kind("base", "CronJob")["renew-certificates"]["spec"]

    assert renewal["jobTemplate"]["spec"]["template"] == job["template"]
    assert renewal["schedule"].split()[2:] == ["*", "*", "*"]
    assert renewal["concurrencyPolicy"] == "Forbid"
