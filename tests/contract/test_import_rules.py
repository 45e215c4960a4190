"""Rooms of a service import only lower rooms, frameworks stay in their rooms, and no service imports another."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Final

import pytest

REPOSITORY: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class Rules:
    """What the modules of one service may import."""

    rooms: str
    """Folders and modules at the top, lowest first: each imports only what stands before it."""
    libraries: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Where a library may be imported: patterns of modules below the service's package."""


# ---- one entry for each service: a new room takes its place in the list ----------------------------------------------
RULES: Final = {
    "gateway": Rules(
        rooms="errors executors grouping shared_check certificates sql audit idempotency inference occlusion messages "
        "access results drift folders alarms slides live store classifying backup settings web composition app openapi "
        "commands __main__",
        libraries={
            "fastapi": ("web.*", "app"),
            "starlette": ("web.*", "app"),
            "uvicorn": ("__main__", "web.*"),
            "sqlalchemy": ("sql.*", "*_store", "results.rows"),
            "alembic": ("sql.*",),
            "aiomqtt": ("messages.*",),
            "paho": ("messages.*",),
            "httpx": ("inference.*",),
            "aiohttp": ("inference.*", "slides.*"),
            "obstore": ("results.object_images",),
            "prometheus_client": ("web.*",),
        },
    ),
    "alarm": Rules(
        rooms="errors event_queue health machine watchdogs journal panel link alarm controller settings app __main__",
        libraries={"paho": ("link.*",), "gpiozero": ("panel.*",), "lgpio": ("panel.*",)},
    ),
    "inference": Rules(
        rooms="errors settings threads metrics engines scheduling models protocol answering web app __main__",
        libraries={
            "openvino": ("engines.*",),
            "starlette": ("web.*", "app"),
            "uvicorn": ("web.*",),
            "prometheus_client": ("metrics", "web.*"),
        },
    ),
    "ncs": Rules(rooms="__main__", libraries={"openvino": ("__main__",)}),
    "trainer": Rules(
        rooms="errors progress data augmentation artefacts backbones splits evaluation graphs features report learning "
        "export workflows commands app __main__",
        libraries={
            "tensorflow": ("graphs.*", "learning.*"),
            "keras": ("backbones.*", "graphs.*", "learning.*", "workflows.*"),
            "openvino": ("graphs.*", "export.*", "workflows.*"),
            "nncf": ("export.*",),
            "tf2onnx": ("graphs.*",),
            "scipy": ("learning.*",),
            "sklearn": ("evaluation.*", "learning.*"),
            "jinja2": ("export.*", "report.*"),
            "matplotlib": ("report.*",),
            "rich": ("commands.*",),
        },
    ),
    "slides": Rules(
        rooms="errors unreadable facts decoding deepzoom scale quality reading sql records scoring findings intake "
        "jobs pictures reviews exports settings housekeeping web composition app __main__",
        libraries={
            "fastapi": ("web.*", "app"),
            "starlette": ("web.*", "app"),
            "uvicorn": ("__main__", "web.*"),
            "sqlalchemy": ("sql.*", "*_store", "records.slide_rows"),
            "alembic": ("sql.*",),
            "openslide": ("decoding.*",),
            "httpx": ("scoring.*", "composition"),
            "obstore": ("intake.bucket",),
            "prometheus_client": ("web.*",),
            "jinja2": ("exports.*",),
        },
    ),
}
# ---- end of the entries ----------------------------------------------------------------------------------------------

PACKAGES: Final = sorted(path.parent for path in REPOSITORY.glob("packages/*/src/*/__init__.py"))
SERVICES: Final = {
    path.name: path for pattern in ("*/src/idc_*", "*/*/src/idc_*") for path in (REPOSITORY / "services").glob(pattern)
}
ROOMS_DRAWN: Final = (REPOSITORY / "docs/explanation/architecture.md").read_text(encoding="utf-8").split("\n## ")[1]


def modules(package: Path) -> Iterator[tuple[str, set[str]]]:
    """Each module of a package with all that it imports, by full names."""
    for file in sorted(package.rglob("*.py")):
        parts = file.relative_to(package.parent).with_suffix("").parts
        name = ".".join(parts).removesuffix(".__init__")
        yield name, set(_imports(file))


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(module: str) -> str:
    """The folder or module at the top of the service; empty for the package itself."""
    return module.partition(".")[2].partition(".")[0]


@pytest.mark.parametrize("service", RULES)
def test_every_room_has_its_place_in_the_order(service: str) -> None:
    rooms = {room_of(name) for name, _ in modules(SERVICES[f"idc_{service}"])} - {""}

    assert rooms == set(RULES[service].rooms.split())


@pytest.mark.parametrize("service", ["gateway", "slides"])
def test_readme_names_every_room_and_module(service: str) -> None:
    readme = (REPOSITORY / "services" / service / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)(?:/|\.py)`", readme))

    assert set(RULES[service].rooms.split()) - {"__main__"} - named == set()


def test_every_package_of_a_service_has_rules() -> None:
    assert set(SERVICES) == {f"idc_{service}" for service in RULES}


@pytest.mark.parametrize("service", RULES)
def test_rooms_are_drawn_with_the_highest_first(service: str) -> None:
    package = SERVICES[f"idc_{service}"]
    folders = [room for room in reversed(RULES[service].rooms.split()) if (package / room).is_dir()]

    assert re.findall(rf'\["{service}/(\w+)<br>', ROOMS_DRAWN) == folders


def test_every_package_of_a_service_is_drawn() -> None:
    assert {name for name in SERVICES if not re.search(rf'\["(?:{name}<br>|{name[4:]}/)', ROOMS_DRAWN)} == set()


@pytest.mark.parametrize("service", RULES)
def test_no_room_imports_a_higher_one(service: str) -> None:
    package = f"idc_{service}"
    order = {room: place for place, room in enumerate(RULES[service].rooms.split())}

    upward = {
        f"{name} imports {imported}"
        for name, imports in modules(SERVICES[package])
        for imported in imports
        if imported.startswith(f"{package}.") and order.get(room_of(imported), 0) > order.get(room_of(name), 0)
    }

    assert upward == set()


@pytest.mark.parametrize(
    "package", [*PACKAGES, *(SERVICES[f"idc_{service}"] for service in RULES)], ids=lambda path: path.name
)
def test_folders_do_not_import_in_circles(package: Path) -> None:
    graph: defaultdict[str, set[str]] = defaultdict(set)
    folders = {".".join(path.relative_to(package.parent).parts) for path in package.rglob("*") if path.is_dir()}
    folders.discard(package.name)  # at the top each module is a room of its own

    def folder_of(module: str) -> str:
        parents = [".".join(module.split(".")[:depth]) for depth in range(module.count(".") + 1, 0, -1)]
        return next((parent for parent in parents if parent in folders), ".".join(module.split(".")[:2]))

    for name, imports in modules(package):
        for imported in imports:
            if imported.startswith(f"{package.name}.") and folder_of(imported) != folder_of(name):
                graph[folder_of(name)].add(folder_of(imported))

    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize(
    ("service", "library"), [(service, library) for service, rules in RULES.items() for library in rules.libraries]
)
def test_library_is_imported_only_in_its_rooms(service: str, library: str) -> None:
    elsewhere = {
        name
        for name, imports in modules(SERVICES[f"idc_{service}"])
        if any(imported.partition(".")[0] == library for imported in imports)
        and not any(fnmatch(name.partition(".")[2], pattern) for pattern in RULES[service].libraries[library])
    }

    assert elsewhere == set()


@pytest.mark.parametrize("package", [*PACKAGES, *SERVICES.values()], ids=lambda path: path.name)
def test_no_service_is_imported_from_outside(package: Path) -> None:
    others = SERVICES.keys() - {package.name}

    crossing = {
        f"{name} imports {imported}"
        for name, imports in modules(package)
        for imported in imports
        if imported.partition(".")[0] in others
    }

    assert crossing == set()
