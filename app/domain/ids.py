"""Distinct types for ids, versions and times, and the syntax of an id."""

import re
from typing import NewType

TeamId = NewType("TeamId", str)
UserId = NewType("UserId", str)
RequestId = NewType("RequestId", str)
Version = NewType("Version", int)

# The database's own commit timestamp: later commits have greater values.
CommitTime = NewType("CommitTime", int)

FIRST_VERSION = Version(1)

# Greater versions come from external writers. A version has to fit GraphQL's `Int`, as do the
# billion versions that may follow it.
MAX_VERSION = Version(2**30)

# The maximum of GraphQL's `Int`. No change is made at this version: the next one could not be sent.
LAST_VERSION = Version(2**31 - 1)

MAX_ID_LENGTH = 128
ID_CHARACTERS = "ASCII letters, digits and . _ ~ - + = : | @ /"

# Wide enough for the `sub` of the common identity providers ("auth0|5f7c", "sue@example.com"),
# without "$", quotes, white space or anything that looks alike but is not.
_WELL_FORMED_ID = re.compile(rf"[A-Za-z0-9._~\-+=:|@/]{{1,{MAX_ID_LENGTH}}}")


def is_well_formed_id(text: str) -> bool:
    """True if `text` has 1 to 128 characters, all of them from `ID_CHARACTERS`."""
    return _WELL_FORMED_ID.fullmatch(text) is not None
