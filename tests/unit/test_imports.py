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
    "board": set(),
    "serving": {"serving", "api", "domain"},
    "monitoring": {
        *("monitoring", "serving", "api", "service", "storage", "domain", "config"),
    },
    "doctor": {"doctor", "storage", "domain"},
    "config": {"domain"},
    "bootstrap": {
        *("monitoring", "serving", "config"),
        *("api", "service", "storage", "domain"),
    },
    "serve": {
        *("bootstrap", "embedded", "monitoring", "serving", "config", "domain"),
    },
    "main": {
        *("serve", "embedded", "monitoring", "config", "api", "doctor", "domain"),
    },
    "__init__": set(),
}
# The same for the parts of three packages.
WITHIN: dict[str, dict[str, set[str]]] = {
    "storage": {
        "indexes": set(),
        "observer": set(),
        "cancellation": set(),
        "errors": {"cancellation"},
        "documents": set(),
        "client": {"cancellation", "indexes", "observer"},
        "requests": {"client", "documents", "errors"},
        "transactions": {"client", "errors"},
        # The two families meet in the database only.
        "teams": {"indexes", "errors", "documents", "client", "requests", "transactions"},
        "changes": {"observer", "errors", "documents", "client", "requests", "transactions"},
        "preparation": {"indexes", "errors", "client", "changes"},
        "startup": {"cancellation", "client", "preparation"},
        "safety": {"indexes", "observer", "errors", "client"},
    },
    "api": {
        "execution": set(),
        "operations": {"execution"},
        "sign_in": set(),
        "schema": {"execution", "operations", "sign_in"},
        "http": {"schema", "operations", "sign_in"},
    },
    "doctor": {
        "rules": set(),
        "progress": set(),
        "storage": {"rules"},
        "membership_index": {"rules"},
        "examine": {"rules", "progress", "storage", "membership_index"},
        "repair": {"rules", "progress", "storage", "examine"},
        "compare": {"rules", "progress", "storage", "examine"},
        "cli": {"rules", "storage", "membership_index", "examine", "repair", "compare"},
    },
}
DRIVERS = {"motor", "pymongo", "bson"}
# A stricter rule than the arrows: beside the standard library these parts import nothing else.
OF_THE_STANDARD_LIBRARY_ALONE = {"domain", "service", "config"}


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


def import_graph() -> dict[str, set[str]]:
    """The modules that each module of `app` imports; an imported name counts as its module."""
    names = {path: imported_by(path) for path in MODULES}
    modules = {path: dotted(path) for path in MODULES}
    known = set(modules.values())
    return {
        modules[path]: known & (found | {name.rpartition(".")[0] for name in found - known})
        for path, found in names.items()
    }


def dotted(module: Path) -> str:
    parts = module.relative_to(APP.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def find_cycles(graph: dict[str, set[str]]) -> set[tuple[str, ...]]:
    """The groups of modules in which each reaches every other."""
    reached = {module: set(imported) for module, imported in graph.items()}
    for between in graph:
        for found in reached.values():
            if between in found:
                found.update(reached[between])
    return {
        tuple(sorted(other for other in found if module in reached[other]))
        for module, found in reached.items()
        if module in found
    }


def name_of(module: Path) -> str:
    return str(module.relative_to(APP))


def test_there_are_modules_in_every_part() -> None:
    assert {part_of(module) for module in MODULES} == set(MAY_IMPORT)


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_imports_point_inwards(module: Path) -> None:
    parts = {name.split(".")[1] for name in imported_by(module) if name.startswith("app.")}

    assert parts <= MAY_IMPORT[part_of(module)]


@pytest.mark.parametrize(
    ("package", "part"), [(package, part) for package in WITHIN for part in WITHIN[package]]
)
def test_the_parts_of_a_package_import_one_another_one_way(package: str, part: str) -> None:
    folder = APP / package
    modules = [folder / f"{part}.py", *(folder / part).rglob("*.py")]
    names = {name for module in modules if module.exists() for name in imported_by(module)}
    parts = {name.split(".")[2] for name in names if name.startswith(f"app.{package}.")}

    assert any(module.exists() for module in modules)
    assert parts & set(WITHIN[package]) <= WITHIN[package][part] | {part}


def test_no_modules_import_each_other_in_a_cycle() -> None:
    assert find_cycles(import_graph()) == set()


def test_a_cycle_is_found_through_any_number_of_modules() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": set[str]()}

    assert find_cycles(graph) == {("a", "b", "c")}


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_the_doctor_knows_the_database_in_its_storage_alone(module: Path) -> None:
    is_inner = part_of(module) == "doctor" and module.relative_to(APP).parts[1] != "storage"
    packages = {".".join(name.split(".")[:2]) for name in imported_by(module)}

    assert not (is_inner and packages & {"app.storage", *DRIVERS})


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_the_driver_is_imported_where_the_database_is_known(module: Path) -> None:
    packages = {name.split(".")[0] for name in imported_by(module)}

    knows_the_database = part_of(module) in {"storage", "embedded", "doctor", "monitoring"}
    assert knows_the_database or not packages & DRIVERS


@pytest.mark.parametrize(
    "module",
    [module for module in MODULES if part_of(module) in OF_THE_STANDARD_LIBRARY_ALONE],
    ids=name_of,
)
def test_the_inner_parts_know_the_standard_library_alone(module: Path) -> None:
    packages = {name.split(".")[0] for name in imported_by(module)}

    assert packages <= {"app"} | sys.stdlib_module_names
