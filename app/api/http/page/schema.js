/** The schema browser: every type with its fields, values and descriptions, by introspection. */

import { byId, make } from "./page.js";
import { execute } from "./requests.js";
import { identityHeaders } from "./who.js";

const INTROSPECTION = `query Schema { __schema {
  queryType { name } mutationType { name } subscriptionType { name }
  types { name kind description possibleTypes { name } interfaces { name } inputFields { ...Value }
    enumValues(includeDeprecated: true) { name description }
    fields(includeDeprecated: true) { name description args { ...Value } type { ...Type } } }
} }
fragment Value on __InputValue { name description defaultValue type { ...Type } }
fragment Type on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }`;

const KINDS = [["OBJECT", "Objects"], ["INTERFACE", "Interfaces"], ["UNION", "Unions"], ["INPUT_OBJECT", "Inputs"],
  ["ENUM", "Enums"], ["SCALAR", "Scalars"]];

function typeText({ kind, name, ofType }) {
  if (kind === "NON_NULL") return `${typeText(ofType)}!`;
  return kind === "LIST" ? `[${typeText(ofType)}]` : name;
}

const valueText = ({ name, type, defaultValue }) =>
  `${name}: ${typeText(type)}${defaultValue === null || defaultValue === "null" ? "" : ` = ${defaultValue}`}`;

const fieldText = ({ name, args, type }) => `${name}${args.length ? `(${args.map(valueText).join(", ")})` : ""}: ${typeText(type)}`;

/** A list entry: a line of the schema, its description, and those of a field's arguments. */
const entry = (line, { description, args = [] }) => [
  make("dt", make("code", line)),
  ...(description ? [make("dd", description)] : []),
  ...args.filter((arg) => arg.description).map((arg) => make("dd", make("code", arg.name), `: ${arg.description}`)),
];

function typeBlock(type, title = type.name) {
  const names = (types, separator) => types.map(({ name }) => name).join(separator);
  const made = type.kind === "UNION" ? ` = ${names(type.possibleTypes, " | ")}` : "";
  const implemented = type.interfaces?.length ? ` implements ${names(type.interfaces, " & ")}` : "";
  const implementers = type.kind === "INTERFACE" ? [make("p", `Implemented by ${names(type.possibleTypes, ", ")}`)] : [];
  const list = make("dl",
    ...(type.fields ?? []).flatMap((field) => entry(fieldText(field), field)),
    ...(type.inputFields ?? []).flatMap((field) => entry(valueText(field), field)),
    ...(type.enumValues ?? []).flatMap((value) => entry(value.name, value)));
  return make("details", make("summary", title, make("code", made + implemented)),
    ...(type.description ? [make("p", type.description)] : []), ...implementers, list);
}

function sections({ types, ...roots }) {
  const named = new Map(types.map((type) => [type.name, type]));
  const parts = [["Queries", "queryType"], ["Mutations", "mutationType"], ["Subscriptions", "subscriptionType"]]
    .filter(([, root]) => roots[root])
    .map(([title, root]) => {
      const block = typeBlock(named.get(roots[root].name), title);
      named.delete(roots[root].name);
      block.open = true;
      return block;
    });
  for (const [kind, title] of KINDS) {
    const ofKind = [...named.values()].filter((type) => type.kind === kind && !type.name.startsWith("__"));
    parts.push(make("h2", title), ...ofKind.map((type) => typeBlock(type)));
  }
  return parts;
}

async function load() {
  const body = byId("schema-body");
  if (!byId("schema").open || body.querySelector("dl")) return;
  body.replaceChildren(make("p", "Asking…"));
  const { value: { result } } = await execute({ query: INTROSPECTION }, identityHeaders()).next();
  const schema = result.data?.__schema;
  byId("search").hidden = !schema;
  body.replaceChildren(...(schema ? sections(schema) : [make("p", `The schema could not be read: ${result.errors?.[0]?.message}`)]));
}

/** Shows the types that contain the text, opened. */
function search() {
  const wanted = byId("search").value.trim().toLowerCase();
  for (const block of byId("schema-body").querySelectorAll("details")) {
    block.hidden = !block.textContent.toLowerCase().includes(wanted);
    block.open = wanted !== "" && !block.hidden;
  }
}

export function prepareSchema() {
  byId("schema").addEventListener("toggle", load);
  byId("search").addEventListener("input", search);
}
