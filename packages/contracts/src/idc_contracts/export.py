"""Writes the documents generated from the contracts: `python -m idc_contracts.export REPOSITORY`."""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from idc_contracts.asyncapi import asyncapi
from idc_contracts.broker_acl import broker_acl
from idc_contracts.schemas import all_schemas


def _as_json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def documents() -> dict[str, str]:
    """The text of each generated document by its path in the repository."""
    schemas = {f"packages/contracts/schemas/v1/{name}.json": _as_json(body) for name, body in all_schemas().items()}
    return {
        **schemas,
        "docs/reference/asyncapi.json": _as_json(asyncapi(version("idc-contracts"))),
        "broker/acl.conf": broker_acl(),
    }


def main(arguments: list[str]) -> int:
    """Write all documents below the given folder, or below the working folder."""
    root = Path(arguments[0]) if arguments else Path()
    for name, text in documents().items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
