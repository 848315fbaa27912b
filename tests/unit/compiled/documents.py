"""Variations of a document: with variables, fragments, aliases and directives it did not have."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    FieldNode,
    GraphQLInputType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    get_named_type,
    is_composite_type,
    is_input_object_type,
    parse,
    print_ast,
    value_from_ast_untyped,
)

WRONG_VALUES = ("text", 7, 2.5, True, ["text"], {"name": "text"}, 2**40)


@dataclass
class Variation:
    """A document's text with the values of its variables."""

    schema: GraphQLSchema
    random: Random
    declarations: list[str] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)
    fragments: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    text: str = ""

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def directives(self) -> str:
        shown = ""
        for name in self.random.sample(("skip", "include"), k=2):
            if self.chance(0.08):
                shown += f" @{name}(if: {self.flag()})"
        return shown

    def flag(self) -> str:
        if self.chance(0.3):
            return self.random.choice(("true", "false"))
        if len(self.flags) < 3 and self.chance(0.5):
            name = f"flag{len(self.flags)}"
            self.flags.append(name)
            default = self.random.choice(("", " = true", " = false"))
            self.declarations.append(f"${name}: Boolean{'' if default else '!'}{default}")
            if not default or self.chance(0.6):
                self.variables[name] = self.random.choice((True, False))
            if default and self.chance(0.1):
                self.variables[name] = None
        return f"${self.random.choice(self.flags)}" if self.flags else "true"

    def value(self, node: ValueNode, type_: GraphQLInputType) -> str:
        if self.chance(0.35):
            return self.variable(node, type_)
        named = get_named_type(type_)
        if isinstance(node, ObjectValueNode) and is_input_object_type(named):
            fields = (
                f"{each.name.value}: {self.value(each.value, named.fields[each.name.value].type)}"
                for each in node.fields
            )
            return f"{{{', '.join(fields)}}}"
        return print_ast(node)

    def variable(self, node: ValueNode, type_: GraphQLInputType) -> str:
        name = f"value{len(self.declarations)}"
        declared = str(type_)
        if self.chance(0.15) and isinstance(type_, GraphQLNonNull):
            declared = f"{type_.of_type} = {print_ast(node)}"
        elif self.chance(0.2):
            declared += f" = {print_ast(node)}"
        self.declarations.append(f"${name}: {declared}")
        value = value_from_ast_untyped(node)
        if self.chance(0.07):
            value = self.random.choice(WRONG_VALUES)
        elif self.chance(0.12):
            value = None
        if not self.chance(0.2) or (isinstance(type_, GraphQLNonNull) and "=" not in declared):
            self.variables[name] = value
        return f"${name}"

    def field(self, node: FieldNode, parent: Any, *, at_root: bool) -> list[str]:
        definition = self.schema.get_field(parent, node.name.value)
        assert definition
        arguments = ", ".join(
            f"{each.name.value}: {self.value(each.value, definition.args[each.name.value].type)}"
            for each in node.arguments or ()
        )
        alias = f"{node.alias.value}: " if node.alias else ""
        if not alias and not at_root and self.chance(0.12):
            alias = f"alias{self.random.randrange(10**6)}: "
        named = get_named_type(definition.type)
        shown = []
        for _ in range(2 if not at_root and self.chance(0.12) else 1):
            below = ""
            if node.selection_set and is_composite_type(named):
                below = f" {{ {self.selections(node.selection_set, named)} }}"
            given = f"({arguments})" if arguments else ""
            shown.append(f"{alias}{node.name.value}{given}{self.directives()}{below}")
        return shown

    def selections(self, selected: SelectionSetNode, parent: Any, *, at_root: bool = False) -> str:
        shown: list[str] = []
        for node in selected.selections:
            if isinstance(node, FieldNode):
                shown += self.field(node, parent, at_root=at_root)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition.name.value if node.type_condition else None
                type_ = self.schema.type_map[condition] if condition else parent
                on = f" on {condition}" if condition else ""
                below = self.selections(node.selection_set, type_, at_root=at_root)
                shown.append(f"...{on}{self.directives()} {{ {below} }}")
        if not at_root and self.chance(0.25):
            shown.insert(self.random.randrange(len(shown) + 1), "__typename" + self.directives())
        if self.chance(0.25):
            start = self.random.randrange(len(shown))
            end = self.random.randrange(start, len(shown)) + 1
            shown[start:end] = self.fragment(shown[start:end], parent)
        return " ".join(shown)

    def fragment(self, selections: list[str], parent: Any) -> list[str]:
        below = " ".join(selections)
        if self.chance(0.5):
            on = self.random.choice(("", f" on {parent.name}"))
            return [f"...{on}{self.directives()} {{ {below} }}"]
        name = f"Fragment{len(self.fragments)}"
        self.fragments.append(f"fragment {name} on {parent.name} {{ {below} }}")
        return [f"...{name}{self.directives()}"] * self.random.choice((1, 1, 1, 2))


def vary(text: str, schema: GraphQLSchema, random: Random) -> Variation:
    """A variation of a document with one operation; not all of them are valid."""
    (operation,) = parse(text).definitions
    assert isinstance(operation, OperationDefinitionNode)
    varied = Variation(schema, random)
    kind = operation.operation.value
    root = schema.get_root_type(operation.operation)
    assert isinstance(root, GraphQLObjectType)
    if kind == "subscription":
        selected = SelectionSetNode(selections=operation.selection_set.selections[:1])
        below = varied.selections(selected, root, at_root=True)
    else:
        below = varied.selections(operation.selection_set, root)
        if varied.chance(0.5):
            below += f" {varied.selections(operation.selection_set, root)}"
        if kind == "query" and varied.chance(0.02):
            below += " __schema { queryType { name } }"
    declared = f"({', '.join(varied.declarations)})" if varied.declarations else ""
    varied.text = " ".join([f"{kind} Varied{declared} {{ {below} }}", *varied.fragments])
    return varied
