"""Pages of the `userIds` array, cut out by the database.

A member's index shifts when a member before it leaves. A cursor therefore names the member, and the
next page begins right after it, wherever it is by then. If the member has left, or has left and
rejoined at the end, the page begins at the lowest index at which the next member can be. Each
version adds or removes at most one member, so between two reads at most (versions passed - members
gained) / 2 have left, and (versions passed + members gained) / 2 have joined. No member who stayed
is skipped; a few may be returned twice.
"""

from typing import Any

from app.domain.ids import LAST_VERSION
from app.domain.pages import MemberPosition, PageRequest
from app.storage.teams.documents import MEMBER_COUNT, MEMBERS

Expression = Any  # an aggregation expression has no narrower type

# An expression must not fail on an external writer's value: the whole query would fail.
_VERSION: Expression = {
    "$cond": [
        {"$and": [{"$isNumber": "$version"}, {"$gte": ["$version", 0]}]},
        {"$min": ["$version", LAST_VERSION]},
        0,
    ]
}


def member_slice(page: PageRequest[MemberPosition]) -> Expression:
    """An expression for `{start, userIds}`: the page and the index of its first member."""
    first = 0 if page.after is None else _index_after(page.after)
    last = MEMBER_COUNT if page.before is None else _index_before(page.before)
    window: Expression = {"first": first, "last": last}
    start = (
        {"$max": ["$$first", {"$subtract": ["$$last", page.size]}]} if page.from_back else "$$first"
    )
    length = {"$min": [page.size, {"$subtract": ["$$last", "$$start"]}]}
    # $slice rejects a length of zero.
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
    # A member who has rejoined is followed only by those who joined even later.
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
    """Half, rounded up, so that it stays a bound whatever an external writer stored."""
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
