"""The arrows of the architecture: who may import whom."""

import ast
import sys
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "app"
MODULES = sorted(APP.rglob("*.py"))

# What each part of `app` may import of the others.
MAY_IMPORT = {
    "domain": {"domain"},
    "service": {"service", "domain"},
    "storage": {"storage", "domain"},
    "embedded": {"embedded", "domain"},
    "api": {"api", "service", "domain"},
    "doctor": {"doctor", "storage", "domain"},
    "config": {"config", "setting_values", "domain"},
    "setting_values": {"domain"},
    "command_help": set(),
    "logs": {"api"},
    "telemetry": {"telemetry", "config", "setting_values", "api", "storage"},
    "deployment": {"config", "embedded"},
    "wiring": {
        *("telemetry", "logs", "config", "setting_values"),
        *("api", "service", "storage", "domain"),
    },
    "server": {
        *("wiring", "deployment", "telemetry", "logs", "config", "setting_values"),
        "command_help",
        *("api", "domain"),
    },
    "main": {
        *("server", "deployment", "logs", "config", "setting_values", "command_help"),
        *("api", "doctor", "storage", "domain"),
    },
    "__init__": set(),
}
# The packages inside `api`, each with those it may import of the others.
API_MAY_IMPORT: dict[str, set[str]] = {
    "monitoring": set(),
    "operations": set(),
    "sign_in": set(),
    "serving": {"monitoring"},
    "http": {"monitoring", "operations", "sign_in", "serving"},
}
DRIVERS = {"motor", "pymongo", "bson"}
# A stricter rule than the arrows: beside the standard library these parts import nothing else.
OF_THE_STANDARD_LIBRARY_ALONE = {"domain", "service", "config", "setting_values"}


def part_of(module: Path) -> str:
    return module.relative_to(APP).parts[0].removesuffix(".py")


def imported_by(module: Path) -> set[str]:
    """The full names of the modules that a module imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively."
            # `from app import storage` imports app.storage.
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def name_of(module: Path) -> str:
    return str(module.relative_to(APP))


def test_there_are_modules_in_every_part() -> None:
    assert {part_of(module) for module in MODULES} == set(MAY_IMPORT)


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_imports_point_inwards(module: Path) -> None:
    parts = {name.split(".")[1] for name in imported_by(module) if name.startswith("app.")}

    assert parts <= MAY_IMPORT[part_of(module)]


@pytest.mark.parametrize("package", sorted(API_MAY_IMPORT))
def test_the_packages_of_the_api_are_no_circle(package: str) -> None:
    modules = (APP / "api" / package).glob("*.py")
    names = {name for module in modules for name in imported_by(module)}
    packages = {name.split(".")[2] for name in names if name.startswith("app.api.")}

    assert packages & set(API_MAY_IMPORT) <= API_MAY_IMPORT[package] | {package}


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_the_driver_is_imported_where_the_database_is_known(module: Path) -> None:
    packages = {name.split(".")[0] for name in imported_by(module)}

    assert part_of(module) in {"storage", "embedded", "doctor"} or not packages & DRIVERS


@pytest.mark.parametrize(
    "module",
    [module for module in MODULES if part_of(module) in OF_THE_STANDARD_LIBRARY_ALONE],
    ids=name_of,
)
def test_the_inner_parts_know_the_standard_library_alone(module: Path) -> None:
    packages = {name.split(".")[0] for name in imported_by(module)}

    assert packages <= {"app"} | sys.stdlib_module_names
