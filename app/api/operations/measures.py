"""Measures the operations of a document, with fragments laid in, before it is validated.

Each fragment is measured once, so that the time goes with the document's size, however often its
fragments hold one another. A fragment that holds itself counts nothing there: validation refuses
it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    IntValueNode,
    NullValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableDefinitionNode,
    VariableNode,
)

from app.api.operations.cost import (
    COUNT_PRICE,
    FREE,
    HISTORY_PRICE,
    SEARCH_PRICE,
    TEAM_PRICE,
    Cost,
    PageSize,
    page_size,
    total,
)
from app.domain.pages import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE

# Lists of introspection have no page size, so they have a price: what the usual query answers. Each
# alias below costs it again, since the same could be asked for once more by it.
INTROSPECTION_COSTS = {"__schema": 10_000, "__type": 1_000}

_ONE = total(1, [])


@dataclass(frozen=True, slots=True)
class Measures:
    """What selections come to. `per_edge` is what counts as often as the page around has items, and
    `counts` how often they have a `totalCount`, which costs more where it is of all teams.
    """

    fields: int = 0
    depth: int = 0
    aliases: int = 0
    directives: int = 0
    introspections: int = 0
    counts: int = 0
    cost: Cost = FREE
    per_edge: Cost = FREE


@dataclass(frozen=True, slots=True)
class MeasuredOperation:
    """An operation's measures, its variables, and the page sizes that those have by default."""

    measures: Measures
    variables: Mapping[str, VariableDefinitionNode]
    defaults: Mapping[str, int]
    is_subscription: bool


def measure(document: DocumentNode) -> dict[str | None, MeasuredOperation]:
    """The operations by name. *Raises*: `RecursionError` for selections of some hundred levels."""
    measurer = Measurer(document)
    return {
        definition.name.value if definition.name else None: measurer.operation(definition)
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode)
    }


class Measurer:
    """Measures parts of one document."""

    def __init__(self, document: DocumentNode) -> None:
        self.fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._measured: dict[str, Measures] = {}

    def operation(self, node: OperationDefinitionNode) -> MeasuredOperation:
        """An operation."""
        found = self.selections(node.selection_set)
        variables = node.variable_definitions or ()
        directives = len(node.directives or ())
        directives += sum(len(each.directives or ()) for each in variables)
        defaults = {
            each.variable.name.value: _literal_size(each.default_value)
            for each in variables
            if isinstance(each.default_value, IntValueNode)
        }
        return MeasuredOperation(
            Measures(
                fields=found.fields,
                depth=found.depth,
                aliases=found.aliases,
                directives=found.directives + directives,
                introspections=found.introspections,
                cost=total(0, [(1, found.cost), (DEFAULT_PAGE_SIZE, found.per_edge)]),
            ),
            {each.variable.name.value: each for each in variables},
            defaults,
            is_subscription=node.operation is OperationType.SUBSCRIPTION,
        )

    def selections(self, node: SelectionSetNode) -> Measures:
        """What is selected there, each field as often as it stands there."""
        fields = depth = aliases = directives = introspections = counts = 0
        costs: list[tuple[PageSize, Cost]] = []
        per_edge: list[tuple[PageSize, Cost]] = []
        for selection in node.selections:
            directives += len(selection.directives or ())
            if isinstance(selection, FieldNode):
                found = self.field(selection)
            elif isinstance(selection, FragmentSpreadNode):
                found = self._fragment(selection.name.value)
            else:
                found = self.selections(selection.selection_set)  # type: ignore[attr-defined]  # an inline fragment
            fields += found.fields
            depth = max(depth, found.depth)
            aliases += found.aliases
            directives += found.directives
            introspections += found.introspections
            counts += found.counts
            costs.append((1, found.cost))
            per_edge.append((1, found.per_edge))
        return Measures(
            fields,
            depth,
            aliases,
            directives,
            introspections,
            counts,
            total(0, costs),
            total(0, per_edge),
        )

    def field(self, node: FieldNode) -> Measures:
        """A field and all below it."""
        name, aliases = node.name.value, int(node.alias is not None)
        if node.selection_set is None:
            return Measures(1, 1, aliases, counts=int(name == "totalCount"), cost=_ONE)
        below = self.selections(node.selection_set)
        if name in INTROSPECTION_COSTS:
            # How deep it may go is a rule of its own, since the usual query has many levels.
            return Measures(
                fields=1,
                depth=1,
                aliases=aliases + below.aliases,
                directives=below.directives,
                introspections=1,
                cost=total(INTROSPECTION_COSTS[name] * (1 + below.aliases), []),
            )
        price = 1 + _price(node, below)
        cost = total(price, [(1, below.cost), (page_size_of(node), below.per_edge)])
        is_edges = name == "edges"
        return Measures(
            fields=1,
            depth=1 + below.depth,
            aliases=aliases + below.aliases,
            directives=below.directives,
            introspections=below.introspections,
            cost=FREE if is_edges else cost,
            per_edge=cost if is_edges else FREE,
        )

    def _fragment(self, name: str) -> Measures:
        if name not in self._measured:
            self._measured[name] = Measures()
            if name in self.fragments:
                fragment = self.fragments[name]
                self._measured[name] = self.selections(fragment.selection_set)
        return self._measured[name]


def _price(node: FieldNode, below: Measures) -> int:
    """What the database has to do for a field, beyond finding the values that are shown."""
    match node.name.value:
        case "team":
            return TEAM_PRICE
        case "history":
            return HISTORY_PRICE
        case "teams":
            searches = any(
                argument.name.value == "nameContains"
                and not isinstance(argument.value, NullValueNode)
                for argument in node.arguments or ()
            )
            return SEARCH_PRICE * searches + COUNT_PRICE * below.counts
    return 0


def page_size_of(node: FieldNode) -> PageSize:
    """What the field's `first` and `last` say. Not null together, they are refused when it is
    resolved; but either may be a variable that is null, so that it is not known yet which counts.
    """
    variables = []
    for argument in node.arguments or ():
        if argument.name.value in {"first", "last"}:
            match argument.value:
                case VariableNode(name=name):
                    variables.append(name.value)
                case NullValueNode():
                    pass
                case value:
                    return _literal_size(value)
    return tuple(variables) or DEFAULT_PAGE_SIZE


def _literal_size(value: object) -> int:
    if not isinstance(value, IntValueNode):
        return DEFAULT_PAGE_SIZE  # of the wrong type, which validation refuses
    digits = value.value
    return page_size(int(digits)) if len(digits) < 10 else MAX_PAGE_SIZE
