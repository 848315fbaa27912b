"""Driver calls that may take minutes on a large collection, and the progress of index builds."""

import threading
from asyncio import wrap_future
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import pymongo
from pymongo.errors import PyMongoError

from app.storage.client import Client

# MongoDB takes no limit beyond 24 days. A connection on which the database has fallen silent ends
# earlier: the driver interrupts it when its own heartbeats fail.
LONGEST_SECONDS = 7 * 24 * 3600

T = TypeVar("T")


async def at_length(call: Callable[[], T]) -> T:
    """The result of a blocking driver call, without the time limit of its client.

    *Cancellation*: returns at once, and leaves the call to a daemon thread; a process that ends
    would wait for Motor's threads. MongoDB completes an index build whose client has gone.
    """
    outcome: Future[T] = Future()
    outcome.set_running_or_notify_cancel()

    def run() -> None:
        try:
            with pymongo.timeout(LONGEST_SECONDS):
                result = call()
        except BaseException as error:
            outcome.set_exception(error)
        else:
            outcome.set_result(result)

    threading.Thread(target=run, daemon=True).start()
    return await wrap_future(outcome)


async def progress_of_builds(client: Client, database: str) -> str:
    """The index builds under way and their progress; empty without the privilege `inprog`."""
    pipeline: list[dict[str, Any]] = [
        {"$currentOp": {"allUsers": True}},
        {"$match": {"command.createIndexes": {"$exists": True}, "progress.total": {"$gt": 0}}},
        {"$project": {"ns": 1, "msg": 1, "progress": 1, "command.indexes.name": 1}},
    ]
    try:
        found = await client.admin.aggregate(pipeline).to_list(None)
    except PyMongoError:
        return ""
    return "; ".join(_described(each) for each in found if each["ns"].startswith(f"{database}."))


def _described(build: dict[str, Any]) -> str:
    # The message repeats itself: "Index Build: <stage> Index Build: <stage>: 1/9 11%".
    stage = build.get("msg", "").removeprefix("Index Build: ").partition(" Index Build: ")[0]
    names = ", ".join(index["name"] for index in build["command"].get("indexes", ()))
    done, total = build["progress"]["done"], build["progress"]["total"]
    return f"{names}: {stage}, {done:,} of {total:,}"
