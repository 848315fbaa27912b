"""A history as JSON lines, one operation a line and the final state in the last."""

import json
from collections.abc import Iterable
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

from tests.lab.checker import history
from tests.lab.checker.history import FinalState, Kind, Operation, Request


def save(path: Path, operations: Iterable[Operation], final: FinalState) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(each, default=_encode) + "\n" for each in (*operations, final))


def load(path: Path) -> tuple[list[Operation], FinalState]:
    lines = path.read_text(encoding="utf-8").splitlines()
    *operations, final = (json.loads(line, object_hook=_decode) for line in lines)
    return operations, final


def _encode(value: object) -> object:
    """A class of `history` by its name, without the fields that are None."""
    if isinstance(value, frozenset):
        return {"is": "frozenset", "members": sorted(value)}
    assert is_dataclass(value)
    given = {field.name: getattr(value, field.name) for field in fields(value)}
    return {"is": type(value).__name__} | {k: v for k, v in given.items() if v is not None}


def _decode(found: dict[str, Any]) -> Any:
    name = found.pop("is", None)
    if name is None:
        return found
    if name == "frozenset":
        return frozenset(found["members"])
    made: type[Any] = getattr(history, name)
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in found.items()}
    if made is Request:
        values["kind"] = Kind(found["kind"])
    return made(**{field.name: None for field in fields(made) if field.default is MISSING} | values)
