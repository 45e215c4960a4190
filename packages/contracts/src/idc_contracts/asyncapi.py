"""The AsyncAPI 3.0 description of all topics, made from the topic table.

Specification: https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

from typing import Any

from idc_contracts.topics import TOPICS, Account, Topic

_PARAMETERS = {
    "site": {"description": "The site's name: lower-case letters, digits and hyphens."},
    "device": {"description": "The sender of the message, or the receiver of a command."},
}


def asyncapi(version: str) -> dict[str, Any]:
    """The document.

    Args:
        version: The version of the contracts package.
    """
    schemas: dict[str, Any] = {}
    messages = {topic.message.__name__: _message(topic, schemas) for topic in TOPICS}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "IDC Sentinel messages",
            "version": version,
            "description": "Messages between the gateway, the alarms and the operators over the MQTT broker. "
            "For research use only; not a medical device.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "broker": {
                "host": "broker:8883",
                "protocol": "secure-mqtt",
                "description": "Mosquitto with TLS; each account may publish and read only what this document lists.",
                "security": [{"$ref": "#/components/securitySchemes/account"}],
            }
        },
        "channels": {topic.noun: _channel(topic) for topic in TOPICS},
        "operations": dict(operation for topic in TOPICS for operation in _operations(topic)),
        "components": {
            "securitySchemes": {"account": {"type": "userPassword", "description": "One account for each service."}},
            "messages": messages,
            "schemas": dict(sorted(schemas.items())),
        },
    }


def _message(topic: Topic, schemas: dict[str, Any]) -> dict[str, Any]:
    schema = topic.message.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    schemas.update(schema.pop("$defs", {}))
    name = topic.message.__name__
    schemas[name] = schema
    return {
        "name": name,
        "summary": (topic.message.__doc__ or "").splitlines()[0],
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{name}"},
        "correlationId": {"location": "$message.payload#/correlation_id"},
    }


def _channel(topic: Topic) -> dict[str, Any]:
    name = topic.message.__name__
    return {
        "address": topic.template,
        "description": topic.purpose,
        "parameters": _PARAMETERS,
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
    }


def _operations(topic: Topic) -> list[tuple[str, dict[str, Any]]]:
    return [_operation(topic, account, "send") for account in topic.producers] + [
        _operation(topic, account, "receive") for account in topic.consumers
    ]


def _operation(topic: Topic, account: Account, action: str) -> tuple[str, dict[str, Any]]:
    verb = "publishes" if action == "send" else "reads"
    mqtt: dict[str, Any] = {"qos": topic.qos, "bindingVersion": "0.2.0"}
    if action == "send":
        mqtt["retain"] = topic.retained
    operation = {
        "action": action,
        "summary": f"The {account} {verb} {topic.noun}.",
        "channel": {"$ref": f"#/channels/{topic.noun}"},
        "bindings": {"mqtt": mqtt},
    }
    return f"{account}-{verb}-{topic.noun}", operation
