"""The race in a browser: both implementations at once, side by side, with the board's chips."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import click
import uvicorn
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from app.domain.faults import Fault
from tests.lab.processes import RunFailed
from tests.lab.race.fight import Fight
from tests.lab.race.picture import draw
from tests.lab.race.report import describe_fight, verdict
from tests.lab.race.sides import Fought, Ring, race_classic, race_ours
from tests.lab.race.victim import find_victim
from tests.lab.race.violations import SNAPSHOT

FRAMES_PER_SECOND = 5
PAGE = Path(__file__).with_name("page")


@dataclass
class Side:
    """One half of the screen: an implementation, its database, and its result."""

    database: str
    race: Callable[[Ring, str, Any], Fought]
    begin: threading.Barrier
    fight: Fight | None = None
    fought: Fought | None = None
    failure: str = ""

    def say(self, status: str) -> None:
        """Ignores progress messages, since the page shows the fight."""

    def add(self, fight: Fight) -> None:
        """Begins the fight as soon as the servers of both sides are ready."""
        self.fight = fight
        with suppress(threading.BrokenBarrierError):  # The other side has failed.
            self.begin.wait()

    def tick(self) -> None:
        """Does nothing: frames have a timer of their own."""

    def run(self, ring: Ring) -> None:
        try:
            self.fought = self.race(ring, self.database, self)
        except (RunFailed, Fault, PyMongoError, OSError) as failure:
            self.failure = str(failure)
            self.begin.abort()


@dataclass
class Show:
    """The race as the page sees it. It begins when the page is opened first."""

    ring: Ring
    picture: Path
    sides: dict[str, Side]
    _threads: list[threading.Thread] = field(default_factory=list)
    has_picture: bool = False

    def start(self) -> None:
        if not self._threads:
            self._threads = [
                threading.Thread(target=side.run, args=(self.ring,)) for side in self.sides.values()
            ]
            for thread in self._threads:
                thread.start()

    def stop(self) -> None:
        """Ends the fights early, if they are not over, and waits for their servers to end."""
        for side in self.sides.values():
            if side.fight is not None:
                side.fight.seconds = 0
        for thread in self._threads:
            thread.join()

    @property
    def is_over(self) -> bool:
        return bool(self._threads) and not any(thread.is_alive() for thread in self._threads)

    def conclude(self) -> str:
        """The verdict in one sentence; draws the victim's picture if there is one."""
        classic, ours = (side.fought for side in self.sides.values())
        if classic is None or ours is None:
            return " ".join(side.failure for side in self.sides.values())
        victim = find_victim(classic.fight, classic.steps, ours.fight, ours.steps)
        if victim is not None:
            self.picture.write_text(draw(victim, seed=self.ring.seed), encoding="utf-8")
            self.has_picture = True
        return verdict(classic.fight, ours.fight, self.ring.users)

    def frame(self, client: MongoClient[dict[str, Any]]) -> dict[str, Any]:
        """Both sides at this moment; the teams of each out of one snapshot."""
        return {
            "seconds": min(self.ring.seconds, max(map(_elapsed, self.sides.values()))),
            "of": self.ring.seconds,
            **{name: _describe(side, client) for name, side in self.sides.items()},
        }


def _elapsed(side: Side) -> float:
    return side.fight.elapsed if side.fight else 0.0


def _describe(side: Side, client: MongoClient[dict[str, Any]]) -> dict[str, Any]:
    teams = client[side.database].get_collection("teams", read_concern=SNAPSHOT)
    found = teams.find({}, {"_id": 0, "name": 1, "userIds": 1}).sort("name", 1)
    return {"teams": list(found), **(describe_fight(side.fight) if side.fight else {})}


def show_race(ring: Ring, picture: Path, databases: tuple[str, str], port: int) -> Show:
    """Serves the page until Ctrl-C, and returns what was shown on it."""
    classic, ours = databases
    begin = threading.Barrier(2)
    sides = {
        "classic": Side(classic, race_classic, begin),
        "ours": Side(ours, race_ours, begin),
    }
    show = Show(ring, picture, sides)

    async def frames(request: Request) -> Response:
        return StreamingResponse(_events(show, request), media_type="text/event-stream")

    async def victim(request: Request) -> Response:  # noqa: ARG001 - Starlette's signature
        return FileResponse(picture) if show.has_picture else Response(status_code=404)

    application = Starlette(
        routes=[
            Route("/frames", frames),
            Route("/victim.svg", victim),
            Mount("/board", StaticFiles(directory=str(files("app.board")))),
            Mount("/", StaticFiles(directory=PAGE, html=True)),
        ]
    )
    config = uvicorn.Config(application, log_level="error", timeout_graceful_shutdown=1)
    with socket.create_server(("127.0.0.1", port)) as listener:
        url = f"http://127.0.0.1:{port}/"
        click.echo(f"Open {url}. The race begins when the page is opened. Ctrl-C ends it.")
        try:
            with suppress(KeyboardInterrupt):
                uvicorn.Server(config).run([listener])
        finally:
            show.stop()
    return show


async def _events(show: Show, request: Request) -> AsyncIterator[str]:
    show.start()
    client: MongoClient[dict[str, Any]]
    with MongoClient(show.ring.uri) as client:
        while not await request.is_disconnected():
            is_over = show.is_over
            frame = await asyncio.to_thread(show.frame, client)
            if is_over:
                frame["verdict"] = await asyncio.to_thread(show.conclude)
                frame["victim"] = show.has_picture
            yield f"event: {'over' if is_over else 'frame'}\ndata: {json.dumps(frame)}\n\n"
            if is_over:
                return
            await asyncio.sleep(1 / FRAMES_PER_SECOND)
