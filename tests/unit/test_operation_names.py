from app.monitoring.metrics import MAX_OTHER_NAMES, OperationNames


def test_an_operation_without_a_name_is_anonymous() -> None:
    assert OperationNames().label(None) == "anonymous"


def test_names_that_clients_invent_are_bounded_and_the_first_ones_stay() -> None:
    names = OperationNames()

    labels = [names.label(f"Invented{number}") for number in range(10_000)]

    assert len(set(labels)) == MAX_OTHER_NAMES + 1
    assert labels[-1] == "other"
    assert names.label("Invented0") == "Invented0"


def test_registered_names_are_known_however_many_others_came_before() -> None:
    names = OperationNames(["query Board { viewer { id } } mutation Join { __typename }", "{"])
    for number in range(10_000):
        names.label(f"Invented{number}")

    assert [names.label(name) for name in ("Board", "Join", "Late")] == ["Board", "Join", "other"]
