"""What is generated from the contracts is committed as it is now."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from idc_contracts import TOPICS
from idc_contracts.export import documents, main

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(documents()))
def test_committed_document_is_current(name: str) -> None:
    committed = (REPOSITORY / name).read_text(encoding="utf-8")

    assert committed == documents()[name], f"{name} is stale: run `make schemas`"


def test_no_committed_schema_is_left_over() -> None:
    folder = REPOSITORY / "packages/contracts/schemas"
    committed = {path.relative_to(REPOSITORY).as_posix() for path in folder.rglob("*.json")}

    assert committed <= documents().keys()


def test_export_writes_every_document(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 0

    assert {name for name in documents() if (tmp_path / name).is_file()} == documents().keys()


@pytest.mark.parametrize("name", [name for name in sorted(documents()) if "/schemas/" in name])
def test_schema_is_valid_json_schema(name: str) -> None:
    Draft202012Validator.check_schema(json.loads(documents()[name]))


def _asyncapi() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(documents()["docs/reference/asyncapi.json"])
    return document


def test_asyncapi_channels_are_the_topic_table() -> None:
    channels = _asyncapi()["channels"]

    assert {channel["address"] for channel in channels.values()} == {topic.template for topic in TOPICS}


def test_asyncapi_references_all_resolve() -> None:
    document = _asyncapi()

    def check(node: object) -> int:
        if isinstance(node, list):
            return sum(check(item) for item in node)
        if not isinstance(node, dict):
            return 0
        found = 0
        if isinstance(node.get("$ref"), str):
            target: Any = document
            for level in node["$ref"].removeprefix("#/").split("/"):
                target = target[level]
            found = 1
        return found + sum(check(item) for item in node.values())

    assert check(document) >= 25
