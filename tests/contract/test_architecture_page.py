"""The drawings of the architecture page show folders, functions and classes that exist."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

REPOSITORY: Final = Path(__file__).parents[2]
PAGE: Final = (REPOSITORY / "docs/explanation/architecture.md").read_text(encoding="utf-8")
_SECTION: Final = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_BOX: Final = re.compile(r'(\w+)\["([^"]+)"\]')


@dataclass(frozen=True)
class Drawing:
    """One Mermaid block: its boxes by name, and its arrows."""

    text: str

    @property
    def boxes(self) -> dict[str, list[str]]:
        return {name: label.split("<br>") for name, label in _BOX.findall(self.text)}

    @property
    def arrows(self) -> Iterator[tuple[str, str]]:
        plain = re.sub(r'\|[^|]*\||\["[^"]*"\]|\(\[.*?\]\)', "", self.text)
        for chain in re.findall(r"^\s*(\w+(?:\s*-->\s*\w+)+)", plain, re.MULTILINE):
            names = re.split(r"\s*-->\s*", chain)
            yield from pairwise(names)


DRAWINGS: Final = {
    title: Drawing(block)
    for title, text in _SECTION.findall(PAGE)
    for block in re.findall(r"```mermaid\n(.*?)```", text, re.DOTALL)
}
WALKS: Final = {title: drawing for title, drawing in DRAWINGS.items() if title != "Rooms"}


def folder_of(room: str) -> Path:
    service, _, rest = room.partition("/")
    return REPOSITORY / "services" / service / "src" / f"idc_{service}" / rest


@cache
def names_in(room: str) -> frozenset[str]:
    """Functions and classes of a room, methods as `Class.method`."""
    found = set()
    for file in folder_of(room).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                methods = [item for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)]
                found |= {node.name, *(f"{node.name}.{method.name}" for method in methods)}
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.add(node.name)
    return frozenset(found)


def test_every_walk_is_drawn() -> None:
    assert WALKS.keys() == {"A patch", "A finding", "A sign-in", "A slide", "A training run"}


@pytest.mark.parametrize("walk", WALKS)
def test_names_of_a_walk_exist_in_their_rooms(walk: str) -> None:
    unknown = {
        f"{room}: {name}" for room, *names in WALKS[walk].boxes.values() for name in names if name not in names_in(room)
    }

    assert unknown == set()


def test_bytes_of_a_patch_enter_each_room_of_the_gateway_once() -> None:
    drawing = WALKS["A patch"]
    rooms = {name: label[0] for name, label in drawing.boxes.items() if label[0].startswith("gateway/")}

    entered = Counter(rooms[end] for _, end in drawing.arrows if end in rooms)

    assert entered == dict.fromkeys(rooms.values(), 1)
