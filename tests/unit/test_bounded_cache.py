from app.api.bounded_cache import BoundedCache


def test_what_was_not_used_for_longest_goes_first() -> None:
    cache: BoundedCache[str, int] = BoundedCache(max_entries=2, max_weight=100)

    cache.put("a", 1, weight=1)
    cache.put("b", 2, weight=1)
    cache.get("a")
    cache.put("c", 3, weight=1)

    assert [cache.get(key) for key in "abc"] == [1, None, 3]


def test_the_entries_together_stay_within_the_weight() -> None:
    cache: BoundedCache[int, int] = BoundedCache(max_entries=100, max_weight=10)

    for number in range(50):
        cache.put(number, number, weight=3)

    assert [number for number in range(50) if cache.get(number) is not None] == [47, 48, 49]


def test_what_is_too_heavy_alone_is_not_kept_and_displaces_nothing() -> None:
    cache: BoundedCache[str, int] = BoundedCache(max_entries=5, max_weight=10)
    cache.put("light", 1, weight=1)

    cache.put("heavy", 2, weight=11)

    assert (cache.get("light"), cache.get("heavy")) == (1, None)


def test_a_value_put_again_counts_once() -> None:
    cache: BoundedCache[str, int] = BoundedCache(max_entries=5, max_weight=10)

    for number in range(20):
        cache.put("same", number, weight=6)
    cache.put("other", 1, weight=4)

    assert (cache.get("same"), cache.get("other"), len(cache)) == (19, 1, 2)
