/** The built-in explorer, which needs nothing but this service. */

import { operationsIn } from "./documents.js";
import { EXAMPLES, FROM_LINK, noteTeam, textOf } from "./examples.js";
import { byId, keep, kept, make, settings } from "./page.js";
import { execute } from "./requests.js";
import { prepareSchema } from "./schema.js";
import { verdictOn } from "./verdict.js";
import { identityHeaders } from "./who.js";

const MOST_EVENTS_SHOWN = 200;

let running = null;
let shown = {};  // the example, or the link's operation
const edits = kept("edits") ?? {};  // what was typed, by the example that it began with

/** The example, or the link's operation, that was shown before a reload; undefined if none was. */
export function lastShown() {
  const last = kept("shown");
  if (last === FROM_LINK && edits[last]) return { title: last };
  return EXAMPLES.find((example) => example.title === last);
}

/** Shows an example as it was left, if it has been edited; or an operation that came with a link. */
export function open(example) {
  shown = example;
  if (shown.title === FROM_LINK && shown.query) edits[FROM_LINK] = textOf(shown);
  const { query, variables } = edits[shown.title] ?? textOf(shown);
  byId("query").value = query;
  byId("variables").value = variables;
  keepAll();
  offerOperations(shown.operationName);
  tellMistake("");
}

function keepAll() {
  keep("shown", shown.title);
  keep("edits", edits);
  byId("reset").hidden = !(shown.title in edits) || shown.title === FROM_LINK;
}

function noteEdit({ target }) {
  if (!["query", "variables"].includes(target.id)) return;
  edits[shown.title] = { query: byId("query").value, variables: byId("variables").value };
  keepAll();
  offerOperations(byId("operation").value);
}

/** Restores an edited example. */
function reset() {
  delete edits[shown.title];
  open(shown);
}

/** With several operations in the document, one of them can be chosen. */
function offerOperations(chosen) {
  const names = operationsIn(byId("query").value).map(({ name }) => name).filter(Boolean);
  byId("operation").replaceChildren(...names.map((name) => make("option", name)));
  byId("operation").hidden = names.length < 2;
  if (names.includes(chosen)) byId("operation").value = chosen;
}

function tellMistake(mistake) {
  byId("variables").setAttribute("aria-invalid", String(Boolean(mistake)));
  byId("mistake").textContent = mistake;
  byId("mistake").hidden = !mistake;
}

/** The variables, {} when the box is empty; undefined, after showing the mistake, if they are no object. */
function readVariables() {
  try {
    const value = JSON.parse(byId("variables").value.trim() || "{}");
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("They must be an object: { … }.");
    tellMistake("");
    return value;
  } catch (error) {
    tellMistake(error instanceof SyntaxError ? `This is not JSON: ${error.message}.` : error.message);
    byId("variables").focus();
    return undefined;
  }
}

const tellStatus = (textContent, className = "") => Object.assign(byId("status"), { textContent, className });

/** Adds an answer above the earlier ones, so that what arrives is seen without scrolling. */
function showAnswer(result, className) {
  const answer = make("pre", JSON.stringify(result, null, 2));
  answer.className = className;
  byId("answer").prepend(answer);
  byId("answer").children[MOST_EVENTS_SHOWN]?.remove();
}

async function run() {
  const variables = readVariables();
  if (!variables) return;
  await stop();
  const query = byId("query").value;
  const operationName = byId("operation").value || undefined;
  const operations = operationsIn(query);
  const { type } = operations.find(({ name }) => name === operationName) ?? operations[0] ?? {};
  const isFeed = type === "subscription";
  const answers = running = execute({ query, variables, operationName }, identityHeaders());
  const start = performance.now();
  byId("answer").replaceChildren();
  byId("stop").hidden = false;
  tellStatus(isFeed ? "Listening…" : "Running…");
  let count = 0;
  let last = { className: "", words: "" };
  for await (const { response, result } of answers) {
    count += 1;
    last = verdictOn(result, type);
    showAnswer(result, last.className);
    noteTeam(result);
    const about = isFeed ? `listening, ${count} so far` : `${Math.round(performance.now() - start)} ms`;
    tellStatus([last.words, response && `HTTP ${response.status}`, about].filter(Boolean).join(" · "), last.className);
  }
  if (running !== answers) return;  // Another run has begun.
  running = null;
  byId("stop").hidden = true;
  if (isFeed && last.className !== "bad") tellStatus(`The feed is complete · ${count} received`);
}

/** Ends the running operation, such as a feed. */
async function stop() {
  const answers = running;
  running = null;
  byId("stop").hidden = true;
  if (answers) tellStatus(`Stopped · ${byId("answer").childElementCount} received`);
  await answers?.return();
}

export function showExplorer() {
  byId("form").addEventListener("submit", (event) => { event.preventDefault(); run(); });
  byId("form").addEventListener("input", noteEdit);
  byId("stop").addEventListener("click", stop);
  byId("reset").addEventListener("click", reset);
  byId("explorer").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    run();
  });
  byId("schema").hidden = !settings.introspection;
  prepareSchema();
  byId("loading").hidden = byId("graphiql").hidden = true;
  byId("explorer").hidden = false;
}
