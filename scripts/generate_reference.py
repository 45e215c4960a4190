"""Writes the reference pages that follow from the code: `generate_reference.py [--check] [PAGE...]`.

The pages are committed, so that they can be read in the repository, without a build. `--check` writes nothing, names
each stale page and exits with 1.
"""

import argparse
import json
import os
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_jsonable_python

from idc_alarm.settings import AlarmSettings
from idc_client.errors import ClientError
from idc_contracts import TOPICS
from idc_contracts.topics import FOREIGN_TOPICS
from idc_gateway.settings import GatewaySettings
from idc_inference.settings import InferenceSettings
from idc_trainer.app import build_parser
from idc_trainer.errors import TrainerError

ROOT: Final = Path(__file__).parents[1]
REFERENCE: Final = ROOT / "docs/reference"
NOTICE: Final = "<!-- generated from the code by `make schemas`: edit the code, not this page -->"


def table(head: str, rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table; `head` names the columns, separated by bars."""
    columns = [name.strip() for name in head.split("|")]
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(text: str) -> str:
    """Text as it stands in a table: bars escaped, and `<name>` outside of code kept from being read as HTML."""
    parts = text.replace("|", r"\|").split("`")
    return "`".join(part if number % 2 else re.sub("<(?!br>)", "&lt;", part) for number, part in enumerate(parts))


def first_line(kind: object) -> str:
    """What a class is, in one line."""
    return (kind.__doc__ or "").strip().split("\n", 1)[0]


def settings_page() -> str:
    """Every setting of the stack and its services."""
    page = (
        f"# Settings\n\n{NOTICE}\n\nLines of `.env` set the stack; how they work together is told in\n"
        "[Configure the stack](../how-to/configure.md). Settings of one service go into a file beside `.env`.\n"
        "Values are numbers, text, or JSON for lists and groups. A wrong value or an unknown name ends\n"
        "the start with exit code 78 and a line that names the remedy.\n\n"
        f"## The stack\n\nFile: `.env`.\n\n{table('variable | default | meaning', stack_settings())}"
    )
    for name, kind, file in (
        ("Gateway", GatewaySettings, "`gateway.env`"),
        ("Inference", InferenceSettings, "`inference.env`"),
        ("Alarm", AlarmSettings, "`alarm.env`, or `alarm-pi.env` for the alarm of the profile `pi`"),
    ):
        prefix = str(kind.model_config["env_prefix"])
        rows = (
            (f"`{prefix}{path.upper()}`", default_of(field), range_of(field), field.description or "")
            for path, field in fields(kind)
        )
        page += f"\n## {name}\n\nFile: {file}.\n\n{table('variable | default | range | meaning', rows)}"
    return page


def stack_settings() -> Iterator[tuple[str, str, str]]:
    """The variables of `.env.example`: those that follow one comment share it."""
    comment: list[str] = []
    names: list[tuple[str, str]] = []
    _head, *paragraphs = (ROOT / ".env.example").read_text(encoding="utf-8").split("\n\n")
    for line in "\n\n".join([*paragraphs, "# end"]).splitlines():
        if line.startswith("# "):
            if names:
                yield _listed(name for name, _ in names), _listed(value for _, value in names), " ".join(comment)
                comment, names = [], []
            comment.append(line.removeprefix("# "))
        elif line:
            name, _, value = line.removeprefix("#").partition("=")
            names.append((name, value))


def _listed(words: Iterable[str]) -> str:
    return "<br>".join(f"`{word}`" if word else "none" for word in words)


def fields(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    """Each field with its path, those of nested groups included."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from ((f"{name}__{inner}", found) for inner, found in fields(field.annotation))
        else:
            yield name, field


def default_of(field: FieldInfo) -> str:
    """A field's default as one would write it."""
    if field.default is PydanticUndefined:
        return "required"
    value = to_jsonable_python(field.default, fallback=str)
    if isinstance(value, list):
        if "NoDecode" in repr(field.metadata):
            return f"`{','.join(map(str, value))}`" if value else "none"
        value = json.dumps(sorted(value, key=str) if isinstance(field.default, frozenset) else value)
    elif isinstance(value, bool):
        value = str(value).lower()
    return "none" if value is None or value == "" else f"`{value}`"


def range_of(field: FieldInfo) -> str:
    """The numbers that a field takes."""
    bounds = {
        name: getattr(item, name)
        for item in _metadata(field)
        for name in ("ge", "gt", "le", "lt")
        if hasattr(item, name)
    }
    low, high = bounds.get("ge", bounds.get("gt")), bounds.get("le", bounds.get("lt"))
    if low is None or high is None:
        return ""
    return f"over {low:,g} to {high:,}" if "gt" in bounds else f"{low:,} to {high:,}"


def _metadata(field: FieldInfo) -> list[Any]:
    """The constraints of a field, those of an optional one included."""
    inner = [item for kind in get_args(field.annotation) for item in getattr(kind, "__metadata__", ())]
    found = [*field.metadata, *inner]
    return [*found, *(part for item in found if isinstance(item, FieldInfo) for part in item.metadata)]


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
        "[What bad input gets](bad-input.md). `HEAD` is answered wherever `GET` is. Inference's endpoints:\n"
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


def trainer_page() -> str:
    """The trainer's commands and their options."""
    os.environ.pop("XDG_CACHE_HOME", None)  # the default of --cache follows it
    page = (
        f"# Trainer commands\n\n{NOTICE}\n\nHow to use them: [Train on your own patches](../how-to/retrain.md).\n"
        "Exit codes: [idc-trainer](exit-codes.md#idc-trainer).\n"
    )
    for name, parser, purpose in _commands(build_parser([]), "idc-trainer"):
        page += f"\n## {name}\n\n{purpose[:1].upper()}{purpose[1:]}{'' if purpose.endswith('.') else '.'}\n"
        rows = [_option(action) for action in parser._actions if not isinstance(action, argparse._HelpAction)]
        page += f"\n{table('option | default | meaning', rows)}" if rows else ""
    return page


def _commands(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, argparse.ArgumentParser, str]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            purposes = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for word, child in action.choices.items():
                if any(isinstance(inner, argparse._SubParsersAction) for inner in child._actions):
                    yield from _commands(child, f"{name} {word}")
                else:
                    yield f"{name} {word}", child, purposes.get(word) or child.description or word


def _option(action: argparse.Action) -> tuple[str, str, str]:
    metavar = action.metavar or (action.dest.upper() if action.nargs != 0 else "")
    name = " ".join([action.option_strings[-1], str(metavar)]) if action.option_strings else str(metavar)
    default, meaning = _default_of(action), action.help or ""
    meaning = re.sub(r"\s*\((default: )?%\(default\)s\)|^default: %\(default\)s$", "", meaning)
    is_name = "." in meaning.split(" ", 1)[0]  # of a file
    sentence = f"{meaning if is_name else meaning[:1].upper() + meaning[1:]}." if meaning else ""
    choices = f"One of {', '.join(f'`{choice}`' for choice in action.choices)}." if action.choices else ""
    shown = default if default in ("none", "off", "required") else f"`{default}`"
    return f"`{name.strip()}`", shown, _without_home(f"{sentence} {choices}".strip())


def _default_of(action: argparse.Action) -> str:
    value = action.default.value if isinstance(action.default, StrEnum) else action.default
    if action.nargs == 0:
        return "off"
    if isinstance(value, str | int | float | Path):
        return _without_home(str(value))
    if value and isinstance(value, tuple | list):
        return ",".join(map(str, value))
    return "required" if action.required else "none"


def _without_home(text: str) -> str:
    """Text that does not depend on who writes it."""
    return text.replace(str(Path.home()), "~")


PAGES: Final[dict[str, Callable[[], str]]] = {
    "settings.md": settings_page,
    "endpoints.md": endpoints_page,
    "topics.md": topics_page,
    "exit-codes.md": exit_codes_page,
    "trainer.md": trainer_page,
}


def main(arguments: list[str]) -> int:
    """Write the named pages, or all; return the exit code."""
    parser = argparse.ArgumentParser(description="Write the reference pages that follow from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where a page is stale")
    parser.add_argument("pages", nargs="*", choices=[[], *PAGES], help="all by default")
    options = parser.parse_args(arguments)
    stale = []
    for name in options.pages or PAGES:
        path, text = REFERENCE / name, PAGES[name]()
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not options.check:
            path.write_text(text, encoding="utf-8")
    for name in stale:
        sys.stdout.write(f"docs/reference/{name} {'is stale: run `make schemas`' if options.check else 'written'}\n")
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
