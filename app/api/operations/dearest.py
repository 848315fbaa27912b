"""The refusal of an operation for its cost, with the paths that cost most and a suggestion."""

from collections.abc import Iterator
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from app.api.codes import Code
from app.api.errors import CodedError
from app.api.operations.costs import Values, size_of
from app.api.operations.limits import MAX_EXACT_INTEGER, beyond
from app.api.operations.measures import Measurer, Measures, list_size, page_size_of

MAX_PATHS = 5

# Paths that cost less than this fraction of the most expensive one are left out.
MIN_FRACTION = 1 / 10

# Fields that are looked into, the most expensive first: enough for three levels of pages.
MAX_FIELDS = 20


@dataclass(frozen=True, slots=True)
class _Field:
    """A field at its path, which occurs `times` in the answer."""

    node: FieldNode
    path: str
    cost: int
    times: int


def too_costly(
    document: DocumentNode,
    operation_name: str | None,
    values: Values,
    *,
    limit: int,
    found: int,
) -> CodedError:
    """The refusal. *Limits*: each field is measured once, as by `measure`."""
    explainer = _Explainer(document, values)
    dearest = explainer.dearest(_root_of(document, operation_name))
    for field in dearest:
        if smaller := explainer.fitting_size(field, found - limit):
            advice = f"Ask for at most {smaller} at a time at `{_end_of(field.path)}`."
            break
    else:
        where = f" below `{_end_of(dearest[0].path)}`" if dearest else ""
        advice = f"Ask for less{where}, or send several operations."
    paths = [explainer.described(field) for field in dearest]
    return beyond(
        Code.QUERY_TOO_COSTLY,
        "values at the most",
        limit,
        found,
        advice=advice,
        dearest=paths,
        suggestion=advice,
    )


def dearest_paths(
    document: DocumentNode, operation_name: str | None, values: Values
) -> list[dict[str, object]]:
    """The paths that cost most, in the form that the client gets."""
    explainer = _Explainer(document, values)
    dearest = explainer.dearest(_root_of(document, operation_name))
    return [explainer.described(field) for field in dearest]


def _root_of(document: DocumentNode, operation_name: str | None) -> SelectionSetNode:
    (operation,) = (
        each
        for each in document.definitions
        if isinstance(each, OperationDefinitionNode)
        and (each.name.value if each.name else None) == operation_name
    )
    return operation.selection_set


class _Explainer(Measurer):
    def __init__(self, document: DocumentNode, values: Values) -> None:
        super().__init__(document)
        self._values = values
        self._known: dict[int, Measures] = {}

    def field(self, node: FieldNode) -> Measures:
        """The measures of a field, cached."""
        if id(node) not in self._known:
            self._known[id(node)] = super().field(node)
        return self._known[id(node)]

    def dearest(self, root: SelectionSetNode) -> list[_Field]:
        """The most expensive fields with pages or a price, outer ones before inner ones."""
        waiting = list(self._fields(root, "", times=1, page_size=1))
        dearest: list[_Field] = []
        for _ in range(MAX_FIELDS):
            if not waiting or len(dearest) == MAX_PATHS:
                break
            field = max(waiting, key=lambda each: each.cost)
            if dearest and field.cost < dearest[0].cost * MIN_FRACTION:
                break
            waiting.remove(field)
            if field.node.name.value not in {"edges", "node"}:
                dearest.append(field)
            if field.node.selection_set and not field.node.name.value.startswith("__"):
                waiting += self._fields(
                    field.node.selection_set,
                    f"{field.path}.",
                    times=field.times * size_of(list_size(field.node), self._values),
                    page_size=self._size_of(field),
                )
        return dearest

    def fitting_size(self, field: _Field, excess: int) -> int | None:
        """The greatest page size that saves `excess`; None if none does."""
        per_item = field.times * self._cost_per_item(field)
        smaller = self._size_of(field) - -(-max(excess, 0) // per_item) if per_item else 0
        return smaller if smaller >= 1 else None

    def described(self, field: _Field) -> dict[str, object]:
        """A path in the form that the client gets."""
        described: dict[str, object] = {
            "path": field.path,
            "cost": min(field.cost, MAX_EXACT_INTEGER),
        }
        if self._cost_per_item(field):
            described["pageSize"] = self._size_of(field)
        return described

    def _size_of(self, field: _Field) -> int:
        return size_of(page_size_of(field.node), self._values)

    def _cost_per_item(self, field: _Field) -> int:
        selections = field.node.selection_set
        return self.selections(selections).per_edge.of(self._values) if selections else 0

    def _fields(
        self, selections: SelectionSetNode, path: str, *, times: int, page_size: int
    ) -> Iterator[_Field]:
        for node in self._nodes(selections, set()):
            times_here = times * (page_size if node.name.value == "edges" else 1)
            measures = self.field(node)
            cost = measures.cost.of(self._values) + measures.per_edge.of(self._values)
            name = (node.alias or node.name).value
            yield _Field(node, f"{path}{name}", times_here * cost, times_here)

    def _nodes(self, selections: SelectionSetNode, seen: set[str]) -> Iterator[FieldNode]:
        for node in selections.selections:
            match node:
                case FieldNode():
                    yield node
                case InlineFragmentNode():
                    yield from self._nodes(node.selection_set, seen)
                case FragmentSpreadNode() if (name := node.name.value) not in seen:
                    seen.add(name)
                    if name in self.fragments:
                        yield from self._nodes(self.fragments[name].selection_set, seen)


def _end_of(path: str) -> str:
    return path if len(path) <= 100 else f"…{path[-99:]}"
