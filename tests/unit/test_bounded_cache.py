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


def test_an_item_above_the_limit_is_not_kept_and_displaces_nothing() -> None:
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


def test_the_owner_of_most_entries_loses_one_of_its_own() -> None:
    cache: BoundedCache[str, int] = BoundedCache(max_entries=4, max_weight=100)

    cache.put("sue", 0, weight=1, owner="sue")
    for number in range(10):
        cache.put(f"many {number}", number, weight=1, owner="many")
        cache.put("sue", 0, weight=1, owner="many")  # it stays hers

    kept = [number for number in range(10) if cache.get(f"many {number}") is not None]
    assert (cache.get("sue"), kept) == (0, [7, 8, 9])


def test_the_owner_of_the_heaviest_entries_loses_one_of_its_own() -> None:
    cache: BoundedCache[str, int] = BoundedCache(max_entries=100, max_weight=10)
    for number in range(4):
        cache.put(f"light {number}", number, weight=1, owner="light")

    for number in range(10):
        cache.put(f"heavy {number}", number, weight=5, owner="heavy")

    assert [cache.get(f"light {number}") for number in range(4)] == [0, 1, 2, 3]
    assert (cache.get("heavy 9"), len(cache)) == (9, 5)


def test_of_owners_that_hold_equally_much_the_least_active_one_loses() -> None:
    cache: BoundedCache[str, int] = BoundedCache(max_entries=3, max_weight=100)
    for owner in "abc":
        cache.put(owner, 1, weight=1, owner=owner)
    cache.get("a")

    cache.put("d", 1, weight=1, owner="d")

    assert [cache.get(key) for key in "abcd"] == [1, None, 1, 1]
