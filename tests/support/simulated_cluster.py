"""What a cluster's scheduler and network would do with rendered manifests: the rules of Kubernetes that these use."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Manifest = dict[str, Any]
NAMESPACE: Final = "idc-sentinel"


@dataclass(frozen=True)
class Node:
    labels: Mapping[str, str]
    taints: tuple[Manifest, ...] = ()

    def accepts(self, pod: Manifest) -> bool:
        """Whether a pod's specification may be scheduled here."""
        chosen = all(self.labels.get(key) == value for key, value in pod.get("nodeSelector", {}).items())
        required = (
            pod.get("affinity", {}).get("nodeAffinity", {}).get("requiredDuringSchedulingIgnoredDuringExecution", {})
        )
        terms = required.get("nodeSelectorTerms", [])
        fits = not terms or any(
            all(_expression(self.labels, item) for item in term["matchExpressions"]) for term in terms
        )
        tolerations = pod.get("tolerations", [])
        return chosen and fits and all(any(_tolerates(item, taint) for item in tolerations) for taint in self.taints)


def _tolerates(toleration: Manifest, taint: Manifest) -> bool:
    same_key = toleration.get("key") in (None, taint["key"])
    same_effect = toleration.get("effect") in (None, taint["effect"])
    same_value = toleration.get("operator") == "Exists" or toleration.get("value") == taint.get("value")
    return same_key and same_effect and same_value


def _expression(labels: Mapping[str, str], expression: Manifest) -> bool:
    value = labels.get(expression["key"])
    match expression["operator"]:
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "In":
            return value in expression["values"]
        case "NotIn":
            return value not in expression["values"]
    raise ValueError(f"operator {expression['operator']} is not simulated")


def _selected(labels: Mapping[str, str], selector: Manifest) -> bool:
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        _expression(labels, item) for item in selector.get("matchExpressions", [])
    )


@dataclass(frozen=True)
class Peer:
    """A pod, by its labels and its namespace's name; outside of the cluster, it has none."""

    labels: Mapping[str, str] = field(default_factory=dict)
    namespace: str = NAMESPACE


OUTSIDE: Final = Peer(namespace="")
DNS: Final = Peer({"k8s-app": "kube-dns"}, "kube-system")
TRAEFIK: Final = Peer({"app.kubernetes.io/name": "traefik"}, "kube-system")
STRANGER: Final = Peer({"app.kubernetes.io/name": "stranger"}, "somewhere")


def service(name: str) -> Peer:
    return Peer({"app.kubernetes.io/name": name})


class Network:
    """Which connections the policies of a namespace allow."""

    def __init__(self, documents: Iterable[Manifest]) -> None:
        self._policies = [item["spec"] for item in documents if item["kind"] == "NetworkPolicy"]

    def allows(self, source: Peer, target: Peer, port: int, protocol: str = "TCP") -> bool:
        leaves = self._side(source, target, port, protocol, "Egress", "to")
        return leaves and self._side(target, source, port, protocol, "Ingress", "from")

    def _side(self, own: Peer, other: Peer, port: int, protocol: str, direction: str, key: str) -> bool:
        if own.namespace != NAMESPACE:
            return True  # no policies of ours
        chosen = [
            policy
            for policy in self._policies
            if direction in policy["policyTypes"] and _selected(own.labels, policy["podSelector"])
        ]
        rules = [rule for policy in chosen for rule in policy.get(direction.lower()) or []]
        return not chosen or any(
            _port_fits(rule, port, protocol) and (key not in rule or any(_peer_fits(item, other) for item in rule[key]))
            for rule in rules
        )


def _port_fits(rule: Manifest, port: int, protocol: str) -> bool:
    return "ports" not in rule or any(
        item["port"] == port and item.get("protocol", "TCP") == protocol for item in rule["ports"]
    )


def _peer_fits(rule: Manifest, peer: Peer) -> bool:
    if not peer.namespace:
        return False
    if "namespaceSelector" in rule:
        in_namespace = _selected({"kubernetes.io/metadata.name": peer.namespace}, rule["namespaceSelector"])
    else:
        in_namespace = peer.namespace == NAMESPACE
    return in_namespace and _selected(peer.labels, rule.get("podSelector", {}))


def memory_bytes(text: str) -> int:
    """Bytes of a quantity as Kubernetes (`128Mi`) or Compose (`128m`) writes it."""
    number, unit = re.fullmatch(r"(\d+)([KMG]i|[kmg])", text, re.ASCII).groups()  # type: ignore[union-attr]
    return int(number) * 1024 ** ("kmg".index(unit[0].lower()) + 1)
