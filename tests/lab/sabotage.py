"""A copy of the service's code with a guarantee removed on purpose.

The lab must detect it; otherwise the lab proves nothing.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import app
from tests.lab.faults.faults import CALM, POWER_CUT, Fault


@dataclass(frozen=True, slots=True)
class Patch:
    """A text that a module contains once, and its replacement."""

    module: str
    text: str
    instead: str


@dataclass(frozen=True, slots=True)
class Sabotage:
    """A guarantee's mechanism to disable, and the fault that reveals it."""

    name: str
    guarantee: str
    sentence: str
    patches: tuple[Patch, ...]
    fault: Fault = CALM

    def carry_out(self, folder: Path) -> None:
        """Puts the sabotaged `app` into the folder."""
        ours = Path(app.__file__).parent
        shutil.copytree(ours, folder / "app", ignore=shutil.ignore_patterns("__pycache__"))
        for patch in self.patches:
            module = folder / "app" / patch.module
            code = module.read_text(encoding="utf-8")
            if code.count(patch.text) != 1:
                raise ValueError(f"{patch.module} holds {patch.text!r} not once.")
            module.write_text(code.replace(patch.text, patch.instead), encoding="utf-8")


_NO_NE = Patch("storage/teams/memberships.py", '        "userIds": {"$nin": user_ids},\n', "")
_NO_UNIQUE_ITEMS = tuple(
    Patch("storage/indexes.py", f'                "uniqueItems": True,\n{items}', items)
    for items in (
        '                "items": {"bsonType": "string", "minLength"',
        '                "items": {"bsonType": "string"},',
    )
)

SABOTAGES = (
    Sabotage(
        "no-unique-index",
        "G1",
        "the index one_team_per_user is not unique",
        (
            Patch(
                "storage/indexes.py",
                'name="one_team_per_user",\n    unique=True,',
                'name="one_team_per_user",',
            ),
        ),
    ),
    Sabotage("no-ne", "G2", "no $nin in the filter; the validator remains", (_NO_NE,)),
    Sabotage(
        "no-ne-no-validator",
        "G2",
        "no $nin in the filter, no uniqueItems in the validator",
        (_NO_NE, *_NO_UNIQUE_ITEMS),
    ),
    Sabotage(
        "no-version-filter",
        "G3",
        "expectedVersion is not in the filter",
        (Patch("storage/teams/store.py", 'version["$eq"] = expected_version', "pass"),),
    ),
    Sabotage(
        "write-concern-1",
        "G5",
        "writes are acknowledged by the primary alone",
        (Patch("storage/client.py", 'WriteConcern("majority", j=True)', "WriteConcern(1)"),),
        POWER_CUT,
    ),
)
BY_NAME = {sabotage.name: sabotage for sabotage in SABOTAGES}
