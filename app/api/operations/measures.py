"""The measures of a document's operations, with fragments expanded, taken before validation.

The cost estimates how many values the answer can hold, and the database's work:

    cost(selections)  = the sum of cost(field), with fragments expanded
    cost(field)       = 1 + cost(its selections)
    cost(edges)       = page size x (1 + cost(its selections))
    cost(memberEdges) = 1 + 100 x cost(its selections), since that many users can be added at once
    cost(_entities)   = 1 + number of references x (cost of a `team` + cost(its selections))

The page size is the `first` or `last` of the field around `edges`, by default 20, for `outcomes`
100. So `teams(first: 50) { edges { node { id } } }` costs 1 + 50 x (1 + 1 + 1) = 151. Fields with
`@skip` or `@include` always count.

Some fields have a price on top. Measured, a value took 8 to 12 us of the server's processor time, a
`team` that is looked up 100 us, and a `history`, like `changes` or a `node`, 200 us of the server
and the database together. `asOf` took up to 95 ms in the middle of a history of 10,000 changes.
`nameContains` scans the names of all teams until the page is full, and `totalCount` of `teams`
counts all of them: for 10,000 teams 35 and 8 ms, for a million a hundred times that.

The default limit allows 50 teams with 50 members each, with all that Apollo and Relay add to a
document: 15,855. The most expensive operations below it take 0.2 to 0.5 s.

Each fragment is measured once, so the time is proportional to the document's size even if fragments
contain one another many times. Inside itself a fragment counts nothing; validation rejects it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    VariableDefinitionNode,
    VariableNode,
)

from app.api.operations.costs import FREE, Cost, PageSize, VariableSize, page_size, total
from app.domain.pages import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from app.domain.teams import MAX_USERS_ADDED

TEAM_PRICE = 5
HISTORY_PRICE = 20
AS_OF_PRICE = 4_000
SEARCH_PRICE = 1_000
COUNT_PRICE = 1_000

# Lists of introspection have no page size, so they have a price: that of the usual query's answer.
# Each alias below adds it again, since it may select the same once more.
INTROSPECTION_COSTS = {"__schema": 10_000, "__type": 1_000, "_service": 1_000}

_ONE = total(1, [])


class Measures(NamedTuple):
    """The measures of selections.

    `per_edge` is the cost per item of the page around them; `counts` is the number of their
    `totalCount` fields, which cost more for all teams.
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
    """An operation's measures, its variables, and the sizes and lists among their defaults."""

    name: str | None
    kind: OperationType
    measures: Measures
    variables: Mapping[str, VariableDefinitionNode]
    defaults: Mapping[str, object]


def measure(document: DocumentNode) -> dict[str | None, MeasuredOperation]:
    """The operations by name. *Raises*: `RecursionError` for some hundred levels of selections."""
    measurer = Measurer(document)
    return {
        operation.name: operation
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode)
        for operation in [measurer.operation(definition)]
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
            each.variable.name.value: default
            for each in variables
            if (default := _literal(each.default_value)) is not None
        }
        return MeasuredOperation(
            node.name.value if node.name else None,
            node.operation,
            found._replace(
                directives=found.directives + directives,
                cost=total(0, [(1, found.cost), (DEFAULT_PAGE_SIZE, found.per_edge)]),
                per_edge=FREE,
            ),
            {each.variable.name.value: each for each in variables},
            defaults,
        )

    def selections(self, node: SelectionSetNode) -> Measures:
        """The sum of a selection set."""
        # The parser accepts an empty selection set; validation refuses it later.
        found = [Measures(), *(self._selection(each) for each in node.selections)]
        fields, depths, aliases, directives, introspections, counts, costs, per_edge = zip(
            *found, strict=True
        )
        return Measures(
            sum(fields),
            max(depths),
            sum(aliases),
            sum(directives) + sum(len(each.directives or ()) for each in node.selections),
            sum(introspections),
            sum(counts),
            total(0, [(1, cost) for cost in costs]),
            total(0, [(1, cost) for cost in per_edge]),
        )

    def field(self, node: FieldNode) -> Measures:
        """A field and its selections."""
        name, aliases = node.name.value, int(node.alias is not None)
        if node.selection_set is None:
            return Measures(1, 1, aliases, counts=int(name == "totalCount"), cost=_ONE)
        below = self.selections(node.selection_set)
        aliases += below.aliases
        if name in INTROSPECTION_COSTS:
            # The usual introspection query is deep; a validation rule of its own limits it.
            cost = total(INTROSPECTION_COSTS[name] * (1 + below.aliases), [])
            return Measures(1, 1, aliases, below.directives, introspections=1, cost=cost)
        parts = [(list_size(node), below.cost), (page_size_of(node), below.per_edge)]
        if name == "_entities":
            parts.append((list_size(node), total(1 + TEAM_PRICE, [])))
        cost = total(1 + _price(node, below), parts)
        costs = (FREE, cost) if name == "edges" else (cost, FREE)
        return Measures(
            1, 1 + below.depth, aliases, below.directives, below.introspections, 0, *costs
        )

    def _selection(self, node: SelectionNode) -> Measures:
        match node:
            case FieldNode():
                return self.field(node)
            case FragmentSpreadNode():
                return self._fragment(node.name.value)
            case InlineFragmentNode():
                return self.selections(node.selection_set)
        raise TypeError(node)

    def _fragment(self, name: str) -> Measures:
        if name not in self._measured:
            self._measured[name] = Measures()
            if name in self.fragments:
                fragment = self.fragments[name]
                self._measured[name] = self.selections(fragment.selection_set)
        return self._measured[name]


def _price(node: FieldNode, below: Measures) -> int:
    """The cost of the database's work beyond reading the values shown."""
    match node.name.value:
        case "team" | "memberEdge" | "memberEdges":
            return TEAM_PRICE
        case "history" | "changes":
            return HISTORY_PRICE
        case "node" if node.arguments:  # of `Query`, not of an edge
            return HISTORY_PRICE
        case "asOf" | "teamAsOf":
            return AS_OF_PRICE
        case "teams":
            searches = any(
                argument.name.value == "nameContains"
                and not isinstance(argument.value, NullValueNode)
                for argument in node.arguments or ()
            )
            return SEARCH_PRICE * searches + COUNT_PRICE * below.counts
    return 0


def list_size(node: FieldNode) -> PageSize:
    """The maximum length of a list without pages; 1 for any other field."""
    match node.name.value:
        case "memberEdges":
            return MAX_USERS_ADDED
        case "_entities":
            return page_size_of(node, ("representations",))
    return 1


def page_size_of(node: FieldNode, names: Sequence[str] = ("first", "last")) -> PageSize:
    """The page size by the field's `first` and `last`, or by the arguments of these names.

    The resolver rejects both together unless one is null, so of two variables either may count.
    """
    variables = []
    for argument in node.arguments or ():
        if argument.name.value in names:
            match argument.value:
                case VariableNode(name=name):
                    variables.append(name.value)
                case NullValueNode():
                    pass
                case value:
                    return page_size(_literal(value))
    default = MAX_USERS_ADDED if node.name.value == "outcomes" else DEFAULT_PAGE_SIZE
    return VariableSize(tuple(variables), default) if variables else default


def _literal(value: object) -> object:
    """The number or list in a document; None for any other value."""
    match value:
        case IntValueNode(value=digits):
            return int(digits) if len(digits) < 10 else MAX_PAGE_SIZE
        case ListValueNode(values=values):
            return values
    return None
