"""Prometheus finds each replica of every service with metrics, and is let in, in Compose and in Kubernetes."""

from typing import Any, Final

import pytest
import yaml

from support.kustomized import REPOSITORY, build, of_kind, render_with
from support.simulated_cluster import Network, service

COMPOSE: Final[dict[str, Any]] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text("utf-8"))["services"]
CONFIGURATION: Final[dict[str, Any]] = yaml.safe_load((REPOSITORY / "observability/prometheus.yml").read_text("utf-8"))
# a job, the name by which its targets are found, and their port
DISCOVERED: Final = [
    (job["job_name"], name, found["port"])
    for job in CONFIGURATION["scrape_configs"]
    if job["job_name"] != "certificates"
    for found in job.get("dns_sd_configs", [])
    for name in found["names"]
]
WITH_METRICS: Final = {"gateway", "inference", "slides"}


def networks(name: str) -> dict[str, Any]:
    found = COMPOSE[name]["networks"]
    return found if isinstance(found, dict) else dict.fromkeys(found)


def test_every_service_with_metrics_has_a_job() -> None:
    sources = REPOSITORY.glob("services/*/src/**/*.py")
    serving = {path.relative_to(REPOSITORY).parts[1] for path in sources if '"/metrics"' in path.read_text("utf-8")}

    assert {job for job, _, _ in DISCOVERED} == serving == WITH_METRICS


@pytest.mark.parametrize(("job", "name", "port"), DISCOVERED)
def test_compose_gives_the_service_that_name_where_prometheus_looks_it_up(job: str, name: str, port: int) -> None:
    shared = networks(job).keys() & networks("observability").keys()

    assert any(name in (networks(job)[network] or {}).get("aliases", []) for network in shared)


@pytest.mark.parametrize(("job", "name", "port"), DISCOVERED)
def test_cluster_resolves_that_name_to_every_pod_of_the_service(job: str, name: str, port: int) -> None:
    spec = of_kind("overlays/site", "Service")[name]["spec"]

    assert spec["clusterIP"] == "None"
    assert spec["publishNotReadyAddresses"] is True
    assert spec["selector"] == {"app.kubernetes.io/name": job}
    assert [item["port"] for item in spec["ports"]] == [port]


@pytest.mark.parametrize(("job", "name", "port"), DISCOVERED)
def test_policies_let_prometheus_in(job: str, name: str, port: int) -> None:
    documents = list(yaml.safe_load_all(render_with("base", "network-policies", "slides", "observability")))

    assert Network(documents).allows(service("observability"), service(job), port)


@pytest.mark.parametrize("folder", ["overlays/dev", "overlays/edge"])
def test_without_prometheus_nothing_is_opened_for_it(folder: str) -> None:
    assert not any("prometheus" in item["metadata"]["name"] for item in build(folder))
