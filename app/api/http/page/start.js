/** Shows the full GraphiQL, or the built-in explorer where that can't be had or is wanted. */

import { EXAMPLES, FROM_LINK } from "./examples.js";
import { lastShown, open as openInExplorer, showExplorer } from "./explorer.js";
import { loadGraphiQL, showGraphiQL } from "./full.js";
import { byId, make, settings, tell } from "./page.js";
import { showIdentity } from "./who.js";

const CDN_WAIT_MS = 6000;
const UNREACHABLE =
  "The full GraphiQL could not be loaded from its CDN (unpkg.com). This is the built-in explorer; reload the page to try again.";
const CHOOSE = "Open in a new tab…";
const FROM_A_LINK = "This operation came with a link and has not been run: read it first.";
const LIMITS = [
  settings.onlyTrusted && "This service answers registered documents alone: what is typed here is refused.",
  !settings.introspection && "Its introspection is off: there is no schema to browse.",
];

let open = null;  // opens an operation in the interface that is shown

const tellAll = (...notes) => tell([...notes, ...LIMITS].filter(Boolean).join(" "));

/** The operation in `#query=…&variables=…&operationName=…`, taken off the address: a reload keeps what is typed. */
function takeLink() {
  const link = new URLSearchParams(location.hash.slice(1));
  if (!link.has("query")) return null;
  history.replaceState(null, "", location.pathname + location.search + (link.has("explorer") ? "#explorer" : ""));
  const [query, variables, operationName] = ["query", "variables", "operationName"].map((name) => link.get(name) ?? "");
  return { title: FROM_LINK, query, variables, operationName };
}

function startExplorer(operation, note) {
  if (!byId("explorer").hidden) return;
  Object.assign(byId("switch"), { textContent: "Full GraphiQL", href: "#graphiql" });
  showExplorer();
  open = openInExplorer;
  const shown = operation ?? lastShown() ?? EXAMPLES[0];
  if (shown.title === FROM_LINK) byId("example").prepend(make("option", FROM_LINK));
  byId("example").value = shown.title;
  open(shown);
  tellAll(note, operation && FROM_A_LINK);
}

async function startGraphiQL(operation) {
  byId("loading").hidden = false;
  const waited = setTimeout(() => startExplorer(operation, UNREACHABLE), CDN_WAIT_MS);
  try {
    await loadGraphiQL();
    if (!byId("explorer").hidden) return;  // It came late: nobody's typing is taken away.
    open = showGraphiQL(EXAMPLES[0], operation, (note) => startExplorer(operation, note));
    byId("example").prepend(make("option", CHOOSE));
    byId("example").value = CHOOSE;
    tellAll(operation && FROM_A_LINK);
  } catch {
    startExplorer(operation, UNREACHABLE);
  } finally {
    clearTimeout(waited);
  }
}

showIdentity();
byId("example").append(...EXAMPLES.map(({ title }) => make("option", title)));
byId("example").addEventListener("change", ({ target }) => {
  tellAll();
  open(EXAMPLES.find(({ title }) => title === target.value) ?? lastShown());
  if (target[0].value === CHOOSE) target.value = CHOOSE;  // The same one can be opened in another tab.
});
addEventListener("hashchange", () => location.reload());

const wanted = location.hash;
const linked = takeLink();
const isNarrow = matchMedia("(max-width: 48rem)").matches;  // GraphiQL has no form for a phone.
if (/^#explorer\b/.test(wanted) || (isNarrow && !/^#graphiql\b/.test(wanted))) startExplorer(linked);
else startGraphiQL(linked);
