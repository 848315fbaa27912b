"""`team-joiner`, killed with -9 where the variable `DIES_AT` says: "before|after NAME COUNT".

Portions are three documents each, so that few of them make several.
"""

import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from app.doctor import membership_index
from app.doctor.storage import journal, repairs, swaps
from app.main import main

PLACES: dict[str, tuple[Any, str]] = {
    "write_collection": (journal.RepairJournal, "write_collection"),
    "write_teams": (journal.RepairJournal, "write_teams"),
    "mark_undone": (journal.RepairJournal, "mark_undone"),
    "clear_structure": (repairs, "drop_indexes"),
    "swap": (repairs, "swap"),
    "exchange": (swaps, "_exchange"),
    "prepare": (repairs, "prepare_database"),
    "drop_unique_index": (repairs, "drop_indexes"),
}


def _mine(when: str, name: str, count: int) -> None:
    owner, attribute = PLACES[name]
    original: Callable[..., Awaitable[object]] = getattr(owner, attribute)
    calls = 0

    async def dying(*arguments: Any, **named: Any) -> object:
        nonlocal calls
        calls += 1
        if calls == count and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = await original(*arguments, **named)
        if calls == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, attribute, dying)


if __name__ == "__main__":
    membership_index.BROKEN_AT_ONCE = journal.ENTRIES_AT_ONCE = 3
    when, name, count = os.environ["DIES_AT"].split()
    _mine(when, name, int(count))
    main()
