"""Pages inside the `userIds` array, cut out by the server.

A member's index shifts when somebody before it leaves. A cursor therefore names the member, and
the page goes on right behind that member, wherever it is by then. Should the member itself have
left, or have left and come back at the end, the page goes on at the earliest index at which the
next one can be. Each version adds or takes at most one member, so between two readings at most
(versions passed - members gained) / 2 have left, and (versions passed + members gained) / 2 have
joined. Nobody who stayed is passed over; a few may be seen twice.
"""

from typing import Any

from app.domain.ids import LAST_VERSION
from app.domain.pages import MemberPosition, PageRequest
from app.storage.teams.documents import MEMBER_COUNT, MEMBERS

Expression = Any  # an aggregation expression has no narrower type

# An expression must not fail on what another program wrote: it would fail the whole query.
_VERSION: Expression = {
    "$cond": [
        {"$and": [{"$isNumber": "$version"}, {"$gte": ["$version", 0]}]},
        {"$min": ["$version", LAST_VERSION]},
        0,
    ]
}


def member_slice(page: PageRequest[MemberPosition]) -> Expression:
    """An expression for `{start, userIds}`: the page, and the index of its first member."""
    first = 0 if page.after is None else _index_after(page.after)
    last = MEMBER_COUNT if page.before is None else _index_before(page.before)
    window: Expression = {"first": first, "last": last}
    start = (
        {"$max": ["$$first", {"$subtract": ["$$last", page.size]}]} if page.from_back else "$$first"
    )
    length = {"$min": [page.size, {"$subtract": ["$$last", "$$start"]}]}
    # $slice refuses a length of zero.
    cut = {
        "$cond": [
            {"$gt": ["$$length", 0]},
            {"$slice": [MEMBERS, "$$start", "$$length"]},
            [],
        ]
    }
    answer = _let({"length": length}, {"start": "$$start", "userIds": cut})
    return _let(window, _let({"start": start}, answer))


def _index_after(position: MemberPosition) -> Expression:
    versions_passed = {"$subtract": [_VERSION, position.version]}
    members_gained = {"$subtract": [MEMBER_COUNT, position.member_count]}
    most_left = _half({"$subtract": [versions_passed, members_gained]})
    most_joined = _half({"$add": [versions_passed, members_gained]})
    last_index = {"$subtract": [MEMBER_COUNT, 1]}
    # Back after leaving, the member has nobody behind it but those who joined later still.
    may_be_back = {"$lt": [{"$subtract": [last_index, "$$found"]}, "$$mostJoined"]}
    stayed = {
        "$and": [
            {"$gte": ["$$found", 0]},
            {"$or": [{"$eq": ["$$mostLeft", 0]}, {"$not": [may_be_back]}]},
        ]
    }
    earliest = {"$max": [0, {"$subtract": [position.index + 1, "$$mostLeft"]}]}
    return _let(
        {"found": _index_of(position), "mostLeft": most_left, "mostJoined": most_joined},
        {"$cond": [stayed, {"$add": ["$$found", 1]}, earliest]},
    )


def _half(number: Expression) -> Expression:
    """Rounded up, so that it stays a bound whatever another program wrote."""
    return {"$toInt": {"$ceil": {"$divide": [number, 2]}}}


def _index_before(position: MemberPosition) -> Expression:
    latest = {"$min": [position.index, MEMBER_COUNT]}
    return _let(
        {"found": _index_of(position)},
        {"$cond": [{"$gte": ["$$found", 0]}, "$$found", latest]},
    )


def _index_of(position: MemberPosition) -> Expression:
    return {"$indexOfArray": [MEMBERS, {"$literal": position.user_id}]}


def _let(variables: Expression, expression: Expression) -> Expression:
    return {"$let": {"vars": variables, "in": expression}}
