"""Which connections the policies allow: exactly those that the services need."""

import itertools

import pytest

from support.kustomized import OVERLAYS, build, of_kind
from support.simulated_cluster import DNS, OUTSIDE, STRANGER, TRAEFIK, Network, Peer, service

PORTS = {"broker": 8883, "inference": 8000, "gateway": 8080, "observability": 9090, "probe": 9115, "slides": 8000}
NEEDED = {("gateway", "inference"), ("gateway", "broker"), ("alarm", "broker")}
OF_PROMETHEUS = {
    ("observability", "gateway"),
    ("observability", "inference"),
    ("observability", "slides"),
    ("observability", "probe"),
    ("probe", "broker"),
}
OF_SLIDES = {("gateway", "slides"), ("slides", "inference"), ("screen-slides", "gateway")}
SOURCES = ["broker", "inference", "gateway", "alarm", "bootstrap", "observability", "probe", "slides", "trainer"]
SOURCES += ["screen-slides", "stranger"]


def expected(folder: str) -> set[tuple[str, str]]:
    services = of_kind(folder, "Service").keys()
    found = set(NEEDED)
    found |= OF_PROMETHEUS if "observability" in services else set()
    found |= OF_SLIDES if "slides" in services else set()
    return found if "slides" in services else {pair for pair in found if "slides" not in pair}


@pytest.mark.parametrize("folder", OVERLAYS)
def test_services_reach_each_other_only_where_they_need_to(folder: str) -> None:
    network = Network(build(folder))
    open_ = {
        (source, target)
        for source, (target, port) in itertools.product(SOURCES, PORTS.items())
        if source != target and network.allows(service(source), service(target), port)
    }

    if "slides" not in of_kind(folder, "Service"):
        open_ = {pair for pair in open_ if "slides" not in pair}
    assert open_ == expected(folder)


@pytest.mark.parametrize("folder", OVERLAYS)
def test_no_other_port_is_open(folder: str) -> None:
    network = Network(build(folder))

    for source, (target, own) in itertools.product(SOURCES, PORTS.items()):
        for port in {22, 80, 443, 5432, 6443, 9000, *PORTS.values()} - {own}:
            assert not network.allows(service(source), service(target), port)


@pytest.mark.parametrize("folder", OVERLAYS)
def test_only_the_bootstrap_speaks_with_the_api_server(folder: str) -> None:
    network = Network(build(folder))

    assert {name for name in SOURCES if network.allows(service(name), OUTSIDE, 6443)} == {"bootstrap"}


@pytest.mark.parametrize(
    ("folder", "open_"),
    [
        ("overlays/dev", set()),
        ("overlays/edge", set()),
        ("components/postgres", {("gateway", 5432), ("slides", 5432)}),
        ("components/s3", {("gateway", 443), ("gateway", 9000)}),
        ("components/slides-s3", {("slides", 443), ("slides", 9000)}),
        ("components/otlp", {("gateway", 4318), ("inference", 4318), ("slides", 4318)}),
        ("components/inference-outside", {("gateway", 8443), ("slides", 8443)}),
        ("components/models-s3", {("inference", 443), ("inference", 9000)}),
    ],
)
def test_component_opens_exactly_its_port_to_the_outside(folder: str, open_: set[tuple[str, int]]) -> None:
    network = Network(build(folder))
    ports = (22, 53, 80, 443, 4317, 4318, 5432, 6443, 8000, 8080, 8443, 8883, 9000)
    # a component may also be for a service that is not chosen here
    isolated = [name for name in SOURCES if not network.allows(service(name), OUTSIDE, 1)]
    found = {(name, port) for name in isolated for port in ports if network.allows(service(name), OUTSIDE, port)}

    assert {"broker", "inference", "gateway", "alarm", "bootstrap"} <= set(isolated)
    assert found == open_ | {("bootstrap", 443), ("bootstrap", 6443)}


@pytest.mark.parametrize("folder", OVERLAYS)
def test_names_are_looked_up_at_the_clusters_dns_alone(folder: str) -> None:
    network = Network(build(folder))

    for name in ("gateway", "alarm"):
        for protocol in ("UDP", "TCP"):
            assert network.allows(service(name), DNS, 53, protocol)
            assert not network.allows(service(name), STRANGER, 53, protocol)


@pytest.mark.parametrize("folder", OVERLAYS)
def test_pod_that_no_policy_names_neither_calls_nor_is_called(folder: str) -> None:
    network = Network(build(folder))

    assert not network.allows(Peer({"job-name": "x"}), DNS, 53, "UDP")
    assert not network.allows(STRANGER, Peer({"job-name": "x"}), 8080)


@pytest.mark.parametrize("folder", ["overlays/edge", "overlays/site", "components/ingress-tls"])
def test_gateway_behind_traefik_is_reached_only_through_it(folder: str) -> None:
    network = Network(build(folder))

    assert of_kind(folder, "Service")["gateway"]["spec"].get("type", "ClusterIP") == "ClusterIP"
    assert network.allows(TRAEFIK, service("gateway"), 8080)
    assert not network.allows(STRANGER, service("gateway"), 8080)
    assert not network.allows(OUTSIDE, service("gateway"), 8080)


@pytest.mark.parametrize("folder", ["overlays/edge", "overlays/site"])
def test_challenge_of_cert_manager_is_answered_through_traefik_alone(folder: str) -> None:
    network, solver = Network(build(folder)), Peer({"acme.cert-manager.io/http01-solver": "true"})

    assert network.allows(TRAEFIK, solver, 8089)
    assert not network.allows(TRAEFIK, solver, 8080)
    assert not network.allows(STRANGER, solver, 8089)
    assert not network.allows(solver, OUTSIDE, 443)


@pytest.mark.parametrize(("folder", "is_open"), [("overlays/edge", False), ("components/broker-outside", True)])
def test_broker_is_reached_from_outside_where_a_component_says_so(folder: str, *, is_open: bool) -> None:
    assert Network(build(folder)).allows(OUTSIDE, service("broker"), 8883) is is_open
    assert (of_kind(folder, "Service")["broker"]["spec"].get("type") == "LoadBalancer") is is_open


def test_home_assistant_reaches_the_broker_and_nothing_else() -> None:
    network = Network(build("components/home-assistant"))
    home = Peer({}, "home-assistant")

    assert [name for name, port in PORTS.items() if network.allows(home, service(name), port)][:1] == ["broker"]
    assert not network.allows(home, service("gateway"), 8080)
