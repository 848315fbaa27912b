import sys
from typing import Any

import pytest

from app.api import buckets as buckets_module
from app.api.buckets import BURST_SECONDS, Buckets
from app.api.http.rate_limit import RateLimits, rate_limit_headers

PER_SECOND = 5
BURST = PER_SECOND * BURST_SECONDS


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def buckets(clock: Clock) -> Buckets:
    return Buckets(PER_SECOND, now=clock)


def test_ten_seconds_worth_may_come_at_once_and_then_no_more(buckets: Buckets) -> None:
    waits = [buckets.take("sue") for _ in range(BURST + 1)]

    assert waits == [0] * BURST + [1 / PER_SECOND]


def test_a_client_that_waits_as_told_is_served_again(buckets: Buckets, clock: Clock) -> None:
    buckets.take("sue", BURST)
    wait_seconds = buckets.take("sue", 3)

    clock.now += wait_seconds - 0.01
    too_early = buckets.take("sue", 3)
    clock.now += 0.02
    in_time = buckets.take("sue", 3)

    assert wait_seconds == pytest.approx(3 / PER_SECOND)
    assert too_early > 0
    assert in_time == 0


def test_a_refused_request_takes_no_token(buckets: Buckets, clock: Clock) -> None:
    buckets.take("sue", BURST)
    for _ in range(100):
        buckets.take("sue")

    clock.now += 1 / PER_SECOND

    assert buckets.take("sue") == 0


def test_what_is_left_is_told_with_the_seconds_until_there_is_more(buckets: Buckets) -> None:
    assert buckets.left("sue") == (BURST, 0)

    buckets.take("sue", 20)
    after_some = buckets.left("sue")
    buckets.take("sue", BURST - 20)
    after_all = buckets.left("sue")

    assert after_some == (BURST - 20, 20 / PER_SECOND)
    assert after_all == (0, 1 / PER_SECOND)


def test_a_debt_is_told_by_the_seconds_until_the_next_operation(buckets: Buckets) -> None:
    buckets.take("sue", 2 * BURST)

    assert buckets.left("sue") == (0, BURST_SECONDS + 1 / PER_SECOND)


def test_one_client_above_its_rate_does_not_limit_another(buckets: Buckets) -> None:
    buckets.take("sue", BURST)

    assert buckets.take("sue") > 0
    assert buckets.take("joe") == 0


def test_a_bucket_never_holds_more_than_a_burst(buckets: Buckets, clock: Clock) -> None:
    buckets.take("sue")
    clock.now += 1_000_000

    assert buckets.take("sue", BURST) == 0
    assert buckets.take("sue") > 0


def test_a_batch_beyond_a_burst_is_answered_once_and_paid_for(
    buckets: Buckets, clock: Clock
) -> None:
    assert buckets.take("sue", 2 * BURST) == 0

    clock.now += BURST_SECONDS

    assert buckets.take("sue") > 0


def test_a_rate_of_0_is_no_limit_and_keeps_nothing(clock: Clock) -> None:
    buckets = Buckets(0, now=clock)

    assert [buckets.take("sue") for _ in range(10_000)] == [0] * 10_000
    assert len(buckets) == 0


def test_memory_is_bounded_and_keeps_the_latest_clients(
    buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buckets_module, "MAX_BUCKETS", 10)
    buckets.take("sue", BURST)

    for number in range(100):
        buckets.take(f"stranger {number}")
        assert buckets.take("sue") > 0

    assert len(buckets) == 10


def test_a_bucket_is_as_small_as_its_limit_says(buckets: Buckets) -> None:
    buckets.take("user-0123456789abcdef0123456789abcdef")

    ((key, entry),) = buckets._buckets.items()

    assert sum(map(sys.getsizeof, (key, entry, *entry))) < 250


def test_the_addresses_of_an_ipv6_network_share_a_limit() -> None:
    limits = RateLimits(per_address=1)
    limits.refusal_of_address({"client": ("2001:db8::1", 1)}, BURST_SECONDS)

    refused = limits.refusal_of_address({"client": ("2001:db8::2", 1)})
    other = limits.refusal_of_address({"client": ("2001:db8:0:1::1", 1)})

    assert refused is not None
    assert refused.extensions == {"code": "RATE_LIMITED", "retryAfterSeconds": 1}
    assert other is None


def test_the_headers_tell_each_limit_that_counts_the_request() -> None:
    limits, scope = RateLimits(per_user=3, per_address=5), {"client": ("2001:db8::1", 1)}

    limits.refusal_of_address(scope)
    of_anonymous = rate_limit_headers(scope)
    limits.refusal_of_user(scope, "sue", 29)

    assert of_anonymous == [
        (b"ratelimit-policy", b'"address";q=50;w=10'),
        (b"ratelimit", b'"address";r=49;t=1'),
    ]
    assert rate_limit_headers(scope) == [
        (b"ratelimit-policy", b'"address";q=50;w=10, "user";q=30;w=10'),
        (b"ratelimit", b'"address";r=49;t=1, "user";r=1;t=10'),
    ]


def test_the_headers_of_a_refusal_name_its_wait() -> None:
    limits, scope = RateLimits(per_user=3), dict[str, Any]()

    limits.refusal_of_user(scope, "sue", 26)
    refusal = limits.refusal_of_user(scope, "sue", 10)

    assert refusal is not None
    assert refusal.facts == {"retryAfterSeconds": 2}
    assert rate_limit_headers(scope)[1] == (b"ratelimit", b'"user";r=4;t=2')


def test_there_are_no_headers_without_a_limit() -> None:
    limits, scope = RateLimits(), {"client": ("2001:db8::1", 1)}

    limits.refusal_of_address(scope)
    limits.refusal_of_user(scope, "sue")

    assert rate_limit_headers(scope) == []
