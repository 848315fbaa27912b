from datetime import UTC, datetime

import pytest

from app.api import shared_answers
from app.api.shared_answers import ChangeViews
from app.domain.changes import Change, ChangeKind
from app.domain.ids import TeamId, Version


def change(position: int) -> Change:
    """A change at a position of the log."""
    return Change(
        position=position,
        team_id=TeamId("red"),
        version=Version(position),
        kind=ChangeKind.TEAM_DELETED,
        at=datetime.now(UTC),
    )


def test_a_change_is_presented_once_for_all_who_ask_within_a_moment() -> None:
    views = ChangeViews()

    assert views.of(change(1)) is views.of(change(1))
    assert views.of(change(1)) is not views.of(change(2))


def test_a_change_is_presented_anew_after_that_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    views = ChangeViews()
    first = views.of(change(1))

    monkeypatch.setattr(shared_answers, "KEPT_SECONDS", 0)

    assert views.of(change(1)) is not first


def test_the_views_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_answers, "KEPT_CHANGES", 2)
    views = ChangeViews()
    first = views.of(change(1))

    views.of(change(2))
    views.of(change(3))

    assert views.of(change(1)) is not first
