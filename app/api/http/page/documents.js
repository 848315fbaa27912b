/** The operations of a document, found without a parser: it may be half written. */

const TOKENS = /"""(?:\\"""|[^])*?"""|"(?:\\.|[^"\\\n])*"|#[^\r\n]*|[$@]?[A-Za-z_]\w*|[{}()[\]]/g;

/** Each operation's `type` and `name`; the name of an anonymous one is empty. */
export function operationsIn(document) {
  const definitions = [];
  let depth = 0;
  let current = null;  // null between definitions
  for (const [token] of document.matchAll(TOKENS)) {
    if (/^["#]/.test(token)) continue;
    if (depth === 0 && current === null) current = token === "{" ? { type: "query", name: "" } : { type: token };
    else if (depth === 0) current.name ??= /^[A-Za-z_]/.test(token) ? token : "";
    if ("{([".includes(token)) depth += 1;
    if ("})]".includes(token)) depth = Math.max(0, depth - 1);
    if (token === "}" && depth === 0) {
      definitions.push(current);
      current = null;
    }
  }
  return definitions.filter(({ type }) => ["query", "mutation", "subscription"].includes(type));
}

/** The operation that a request asks for: the named one, or else the first. */
export function operationOf({ query, operationName }) {
  const operations = operationsIn(query);
  return operations.find(({ name }) => name === operationName) ?? operations[0];
}
