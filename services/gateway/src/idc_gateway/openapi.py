"""Writes the API's description: `python -m idc_gateway.openapi FILE`."""

import json
import sys
from pathlib import Path

from idc_gateway.app import create_app


def openapi_text() -> str:
    return json.dumps(create_app(None).openapi(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    Path(arguments[0]).write_text(openapi_text(), encoding="utf-8")
    sys.stdout.write(f"{arguments[0]}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
