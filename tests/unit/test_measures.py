import pytest
from graphql import parse

from app.api.operations.measures import MeasuredOperation, measure


def measured(text: str) -> MeasuredOperation:
    (operation,) = measure(parse(text)).values()
    return operation


def cost(text: str, **variables: object) -> int:
    operation = measured(text)
    return operation.measures.cost.of({**operation.defaults, **variables})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ __typename }", 1),
        ("{ viewer { id team { name } } }", 9),
        ("{ teams(first: 50) { edges { node { id } } } }", 151),
        ("{ teams(first: 50) { totalCount edges { node { id } } } }", 1_152),
        ("{ teams { ...C a: totalCount } } fragment C on TeamConnection { totalCount }", 2_003),
        ('{ teams(nameContains: "") { pageInfo { endCursor } } }', 1_003),
        ("{ teams(nameContains: null) { pageInfo { endCursor } } }", 3),
        ('{ team(id: "") { members { totalCount } } }', 8),
        ("{ viewer { history(first: 3) { edges { cursor } } } }", 1 + 21 + 3 * 2),
        ("{ changes(last: 3) { edges { cursor } } }", 1 + 20 + 3 * 2),
        ('{ team(id: "") { asOf(version: 1) { name } } }', 6 + 4_001 + 1),
        ('{ teamAsOf(id: "", version: 1) { name } }', 4_001 + 1),
        ("{ teams { edges { cursor } } }", 1 + 20 * 2),
        ("{ teams(last: 3) { edges { cursor } } }", 1 + 3 * 2),
        ("{ teams(first: 1000000) { edges { cursor } } }", 1 + 100 * 2),
        ("{ teams(first: 99999999999999999999) { edges { cursor } } }", 1 + 100 * 2),
        ("{ teams(first: -5) { edges { cursor } } }", 1 + 2),
        ("{ teams(first: null, last: 2) { edges { cursor } } }", 1 + 2 * 2),
        ("{ teams(first: 2) { pageInfo { hasNextPage } } }", 3),
        (
            "{ teams(first: 2) { edges { node { members(first: 3) { edges { cursor } } } } } }",
            1 + 2 * (1 + 1 + 1 + 3 * 2),
        ),
        ("{ teams(first: 4) { ...E } } fragment E on TeamConnection { edges { cursor } }", 9),
        ("{ teams(first: 4) { ... { edges { cursor } } } }", 9),
        ("{ teams(first: 4) { edges { cursor } more: edges { cursor } } }", 17),
        ("{ a: viewer { ...F } b: viewer { ...F } } fragment F on User { id }", 4),
        ("mutation { joinTeam(input: {}) { __typename } }", 2),
        ('{ node(id: "") { id ... on Team { name } } }', 1 + 20 + 2),
        ("mutation { addUsersToTeam(input: {}) { outcomes { edges { added } } } }", 2 + 100 * 2),
        ("mutation { many(input: {}) { outcomes(first: 3) { edges { added } } } }", 2 + 3 * 2),
        ("mutation { addUsersToTeam(input: {}) { memberEdges { cursor } } }", 1 + 6 + 100),
        ("mutation { joinTeam(input: {}) { memberEdge { cursor } } }", 1 + 6 + 1),
        ("{ _entities(representations: []) { __typename } }", 1),
        ("{ _entities(representations: [{}, 1]) { ... on User { id } } }", 1 + 2 * (6 + 1)),
        ("{ _service { sdl } }", 1_000),
    ],
)
def test_the_cost_is_the_number_of_values_that_the_answer_can_hold(
    text: str, expected: int
) -> None:
    assert cost(text) == expected


@pytest.mark.parametrize(
    ("variables", "size"),
    [
        ({}, 7),
        ({"n": 3}, 3),
        ({"n": 3.0}, 3),
        ({"n": 10**9}, 100),
        ({"n": float("inf")}, 100),
        ({"n": 0}, 1),
        ({"n": None}, 20),
        ({"n": "5"}, 20),
        ({"n": True}, 20),
        ({"n": {"$gt": 0}}, 20),
    ],
)
def test_a_variable_page_size_is_put_in_when_it_is_known(
    variables: dict[str, object], size: int
) -> None:
    text = "query ($n: Int = 7) { teams(first: $n) { edges { cursor } } }"

    assert cost(text, **variables) == 1 + size * 2


@pytest.mark.parametrize(
    ("variables", "count"), [({}, 2), ({"r": []}, 0), ({"r": [{}] * 300}, 300), ({"r": {}}, 20)]
)
def test_each_reference_of_a_gateway_costs_as_much_as_a_team(
    variables: dict[str, object], count: int
) -> None:
    text = "query ($r: [_Any!]! = [{}, 1]) { _entities(representations: $r) { __typename } }"

    assert cost(text, **variables) == 1 + count * (6 + 1)


@pytest.mark.parametrize(("variables", "size"), [({}, 100), ({"n": None}, 100), ({"n": 7}, 7)])
def test_all_outcomes_count_unless_a_variable_says_how_many(
    variables: dict[str, object], size: int
) -> None:
    text = "mutation ($n: Int) { many(input: {}) { outcomes(last: $n) { edges { added } } } }"

    assert cost(text, **variables) == 2 + size * 2


def test_fragments_that_hold_each_other_many_times_are_measured_in_no_time() -> None:
    links = " ".join(f"fragment F{n} on User {{ ...F{n + 1} ...F{n + 1} }}" for n in range(100))

    operation = measured(f"{{ viewer {{ ...F0 }} }} {links} fragment F100 on User {{ id }}")

    assert operation.measures.cost.least == 1 + 2**100
    assert operation.measures.depth == 2


def test_a_fragment_that_holds_itself_is_measured_to_an_end() -> None:
    text = "{ ...F } fragment F on Query { viewer { a: id } ...F }"

    assert measured(text).measures.aliases == 1


def test_introspection_has_a_price_and_counts_its_aliases_but_no_depth() -> None:
    types = "types { fields { type { ofType { ofType { ofType { a: name } } } } } }"

    measures = measured(f"{{ __schema {{ {types} }} }}").measures

    assert (measures.depth, measures.aliases, measures.introspections) == (1, 1, 1)


def test_introspection_costs_its_price_again_for_each_alias() -> None:
    assert cost("{ __schema { types { name } } }") == 10_000
    assert cost("{ __schema { a: types { name } b: types { name } } }") == 30_000


@pytest.mark.parametrize(
    ("variables", "size"),
    [({"a": 2}, 2), ({"b": 3}, 3), ({"a": None, "b": 3}, 3), ({}, 20), ({"a": 2, "b": 3}, 3)],
)
def test_of_two_variables_the_one_that_is_given_is_the_page_size(
    variables: dict[str, object], size: int
) -> None:
    text = "query ($a: Int, $b: Int) { teams(first: $a, last: $b) { edges { cursor } } }"

    assert cost(text, **variables) == 1 + size * 2


def test_each_operation_is_measured_by_itself() -> None:
    operations = measure(parse("query A { a: __typename } query B { viewer { id } }"))

    assert {name: o.measures.aliases for name, o in operations.items()} == {"A": 1, "B": 0}


def test_directives_count_wherever_they_stand() -> None:
    text = (
        "query ($a: Int @a) @b { viewer @c { ...F @d ... @e { id @f } } } "
        "fragment F on User { id @g }"
    )

    assert measured(text).measures.directives == 7


@pytest.mark.parametrize("text", ["{ }", "{ viewer { } }"])
def test_an_empty_selection_set_measures_nothing_more(text: str) -> None:
    assert measured(text).measures.depth == text.count("viewer")
