"""The pages of endpoints, topics and exit codes."""

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from idc_client.errors import ClientError
from idc_contracts import TOPICS
from idc_contracts.topics import FOREIGN_TOPICS
from idc_trainer.errors import TrainerError
from reference_tables import NOTICE, REFERENCE, table


def endpoints_page() -> str:
    """The gateway's REST interface, from its description."""
    paths = json.loads((REFERENCE / "openapi.json").read_text(encoding="utf-8"))["paths"]
    rows = (
        (
            f"`{method.upper()} {path}`",
            " ".join(operation.get("description", "").split("\n\n")[0].split()),
            "key" if operation.get("security") else "none",
            ", ".join(code for code in operation["responses"] if code.startswith(("2", "50"))),
        )
        for path, operations in paths.items()
        for method, operation in operations.items()
    )
    return (
        f"# Endpoints\n\n{NOTICE}\n\nThe gateway's REST interface. The whole description, with every field, is\n"
        "[openapi.json](openapi.json); a running gateway shows it at `/docs`. *key*: an API key\n"
        "(`Authorization: Bearer …`) or the page's session. Errors are `application/problem+json`:\n"
        "[What bad input gets](bad-input.md). `HEAD` works wherever `GET` does. Inference's endpoints:\n"
        "[its README](../../services/inference/README.md).\n\n"
        f"{table('endpoint | what it does | access | answers', rows)}"
    )


def topics_page() -> str:
    """Who publishes and reads what at the broker."""
    schema = "../../packages/contracts/schemas/v1"
    ours = [
        (
            f"`{topic.template}`",
            f"[{topic.message.__name__}]({schema}/{topic.message.__name__}.json)",
            "yes" if topic.retained else "no",
            ", ".join(topic.producers),
            ", ".join(topic.consumers),
            topic.purpose,
        )
        for topic in TOPICS
    ]
    foreign = [
        (
            f"`{topic.filter}`",
            "another system's",
            "yes",
            ", ".join(topic.producers),
            ", ".join(topic.consumers),
            topic.purpose,
        )
        for topic in FOREIGN_TOPICS
    ]
    return (
        f"# Topics\n\n{NOTICE}\n\nMessages at the broker, by MQTT at QoS 1. A topic's last level\n"
        "names its producer, so that the broker's access rules follow from this table. The same as\n"
        "[AsyncAPI](asyncapi.json); the broker's rules are [acl.conf](../../broker/acl.conf).\n\n"
        f"{table('topic | message | retained | published by | read by | purpose', ours + foreign)}"
    )


def exit_codes_page() -> str:
    """How each program ends."""
    services = [
        ("0", "Stopped by SIGTERM or SIGINT, or the command is done."),
        (
            str(os.EX_UNAVAILABLE),
            "Something that the service needs is missing: the database, a model bundle, a pin, a key file.",
        ),
        (
            str(os.EX_SOFTWARE),
            "Inference: the device did not recover; Compose, Kubernetes or systemd restart the service.",
        ),
        (str(os.EX_CONFIG), "A setting is wrong; a restart does not help."),
    ]
    trainer = {0: "Done.", 2: "Wrong option.", 130: "Stopped by Ctrl-C.", 143: "Stopped by SIGTERM."}
    client = {0: "Done.", 1: "Interrupted.", 2: "Wrong usage."}
    return (
        f"# Exit codes\n\n{NOTICE}\n\nEach error is one line on standard error, or in the log, that names the\n"
        f"value and the remedy.\n\n## Services\n\n{table('code | meaning', services)}"
        f"\n## idc-trainer\n\n{_codes(TrainerError, trainer)}"
        f"\n## idc\n\n{_codes(ClientError, client)}"
    )


def _codes(base: type[Exception], own: dict[int, str]) -> str:
    meanings: defaultdict[int, list[str]] = defaultdict(list)
    for code, text in [*own.items(), *sorted((kind.exit_code, first_line(kind)) for kind in _leaves(base))]:
        if text not in meanings[code]:
            meanings[code].append(text)
    return table("code | meaning", ((str(code), "<br>".join(texts)) for code, texts in sorted(meanings.items())))


def _leaves(kind: type[Any]) -> Iterator[type[Any]]:
    for child in kind.__subclasses__():
        if "exit_code" in vars(child):
            yield child
        yield from _leaves(child)


def first_line(kind: object) -> str:
    """What a class is, in one line."""
    return (kind.__doc__ or "").strip().split("\n", 1)[0]
