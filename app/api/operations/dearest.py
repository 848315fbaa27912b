"""Where the cost of an operation lies, for the client whose operation is refused for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from app.api.operations.cost import Cost, PageSize
from app.api.operations.measures import Measurer, Measures, page_size_of

MOST_PATHS = 5

# A path is worth telling if it has so great a part of the dearest one's cost.
WORTH_TELLING = 10

# How many fields are looked into, the dearest first: enough for three levels of pages.
MOST_FIELDS = 20


@dataclass(frozen=True, slots=True)
class Valuation:
    """What costs and page sizes come to, with or without the values of variables."""

    cost: Callable[[Cost], int]
    size: Callable[[PageSize], int]


@dataclass(frozen=True, slots=True)
class _Field:
    """A field at its path. `times` is how often it occurs, `page_size` that of the page around."""

    node: FieldNode
    path: str
    cost: int
    times: int
    page_size: int


def explain(
    document: DocumentNode,
    operation_name: str | None,
    valuation: Valuation,
    *,
    limit: int,
    found: int,
) -> tuple[str, list[dict[str, object]]]:
    """What to change, and the dearest paths.

    *Limits*: each field is measured once, so it takes as long as measuring the document did.
    """
    explainer = _Explainer(document, valuation)
    (operation,) = (
        each
        for each in document.definitions
        if isinstance(each, OperationDefinitionNode)
        and (each.name.value if each.name else None) == operation_name
    )
    dearest = explainer.dearest(operation.selection_set)
    for field in dearest:
        if smaller := explainer.fitting_size(field, limit - found):
            advice = f"Ask for at most {smaller} at a time at `{_end_of(field.path)}`."
            break
    else:
        where = f" below `{_end_of(dearest[0].path)}`" if dearest else ""
        advice = f"Ask for less{where}, or send several operations."
    return advice, [explainer.told(field) for field in dearest]


class _Explainer(Measurer):
    def __init__(self, document: DocumentNode, valuation: Valuation) -> None:
        super().__init__(document)
        self._valuation = valuation
        self._known: dict[int, Measures] = {}

    def field(self, node: FieldNode) -> Measures:
        """Measures a field once."""
        if id(node) not in self._known:
            self._known[id(node)] = super().field(node)
        return self._known[id(node)]

    def dearest(self, root: SelectionSetNode) -> list[_Field]:
        """The dearest fields with pages or a price of their own, outer ones before inner ones."""
        waiting = list(self._fields(root, "", times=1, page_size=1))
        dearest: list[_Field] = []
        for _ in range(MOST_FIELDS):
            if not waiting or len(dearest) == MOST_PATHS:
                break
            field = max(waiting, key=lambda each: each.cost)
            if dearest and field.cost * WORTH_TELLING < dearest[0].cost:
                break
            waiting.remove(field)
            if field.node.name.value not in {"edges", "node"}:
                dearest.append(field)
            if field.node.selection_set and not field.node.name.value.startswith("__"):
                waiting += self._fields(
                    field.node.selection_set,
                    f"{field.path}.",
                    times=field.times,
                    page_size=self._valuation.size(page_size_of(field.node)),
                )
        return dearest

    def fitting_size(self, field: _Field, room: int) -> int | None:
        """The greatest page size with which the operation costs so much less; None if none does."""
        per_item = field.times * self._valuation.cost(self._below(field).per_edge)
        size = self._valuation.size(page_size_of(field.node))
        smaller = size - -(-max(-room, 0) // per_item) if per_item else 0
        return smaller if smaller >= 1 else None

    def told(self, field: _Field) -> dict[str, object]:
        """A path as the client is told it."""
        told: dict[str, object] = {"path": field.path, "cost": field.cost}
        if self._valuation.cost(self._below(field).per_edge):
            told["pageSize"] = self._valuation.size(page_size_of(field.node))
        return told

    def _below(self, field: _Field) -> Measures:
        return self.selections(field.node.selection_set) if field.node.selection_set else Measures()

    def _fields(
        self, selections: SelectionSetNode, path: str, *, times: int, page_size: int
    ) -> Iterator[_Field]:
        for node in self._nodes(selections, set()):
            times_here = times * (page_size if node.name.value == "edges" else 1)
            measures = self.field(node)
            cost = times_here * self._valuation.cost(measures.cost)
            cost += times_here * self._valuation.cost(measures.per_edge)
            name = (node.alias or node.name).value
            yield _Field(node, f"{path}{name}", cost, times_here, page_size)

    def _nodes(self, selections: SelectionSetNode, seen: set[str]) -> Iterator[FieldNode]:
        for node in selections.selections:
            if isinstance(node, FieldNode):
                yield node
            elif not isinstance(node, FragmentSpreadNode):
                yield from self._nodes(node.selection_set, seen)  # type: ignore[attr-defined]  # an inline fragment
            elif node.name.value in self.fragments and node.name.value not in seen:
                seen.add(node.name.value)
                yield from self._nodes(self.fragments[node.name.value].selection_set, seen)


def _end_of(path: str) -> str:
    return path if len(path) <= 100 else f"…{path[-99:]}"
