from app.monitoring.metrics import OperationNames


def test_registered_names_are_known_however_many_others_came_before() -> None:
    names = OperationNames(["query Board { viewer { id } } mutation Join { __typename }", "{"])
    for number in range(10_000):
        names.label(f"Invented{number}")

    assert [names.label(name) for name in ("Board", "Join", "Late")] == ["Board", "Join", "other"]
