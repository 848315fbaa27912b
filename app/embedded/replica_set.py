"""Initiation of a started mongod as the primary of its single-node replica set."""

import logging
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

logger = logging.getLogger(__name__)

REPLICA_SET = "team-joiner"

_POLL_SECONDS = 0.02
_CONNECT_SECONDS = 1.0
_COMMAND_SECONDS = 5.0

_NOT_A_MEMBER = 93
"""InvalidReplicaSetConfig: the stored configuration names another address."""


def become_primary(port: int, database_path: Path, *, may_go_on: Callable[[], bool]) -> bool:
    """Wait until this folder's mongod is the writable primary; False once `may_go_on` is False.

    Initiates the replica set of a new folder, or moves the member of an old one to the new address.
    Failures are retried.
    """
    with MongoClient[dict[str, Any]](
        "127.0.0.1",
        port,
        directConnection=True,
        connect=False,
        serverSelectionTimeoutMS=int(1000 * _CONNECT_SECONDS),
        connectTimeoutMS=int(1000 * _CONNECT_SECONDS),
        socketTimeoutMS=int(1000 * _COMMAND_SECONDS),
    ) as client:
        while may_go_on():
            try:
                # After a refused connection the client's monitor waits half a second, so it is not
                # used before the port accepts connections.
                socket.create_connection(("127.0.0.1", port), _CONNECT_SECONDS).close()
                if _is_primary(client, f"127.0.0.1:{port}", database_path):
                    return True
            except (OSError, PyMongoError):
                logger.debug("The embedded mongod is not ready yet.", exc_info=True)
            time.sleep(_POLL_SECONDS)
    return False


def _is_primary(client: MongoClient[dict[str, Any]], address: str, database_path: Path) -> bool:
    # Another mongod may have taken the port between our choice and our mongod's bind. Ours is
    # about to exit then, and the other must not be changed.
    options = client.admin.command("getCmdLineOpts")["parsed"]
    if options.get("storage", {}).get("dbPath") != str(database_path):
        return False

    if client.admin.command("hello").get("isWritablePrimary"):
        return True

    stored = client.local["system.replset"].find_one()
    member = {"_id": 0, "host": address}
    if stored is None:
        # Only without a stored configuration: mongod 6.0.5 aborts if initiated while it still
        # reads one.
        client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [member]})
    elif stored["members"][0]["host"] != address:
        try:
            client.admin.command("replSetGetStatus")
        except OperationFailure as error:
            if error.code == _NOT_A_MEMBER:
                moved = stored | {"members": [member], "version": stored["version"] + 1}
                client.admin.command("replSetReconfig", moved, force=True)
    return False
