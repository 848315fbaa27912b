/** The full GraphiQL, out of files that are pinned: the browser refuses one that differs in a byte. */

import { operationOf, operationsIn } from "./documents.js";
import { noteTeam, textOf } from "./examples.js";
import { byId, graphiqlStorage, settings } from "./page.js";
import { execute } from "./requests.js";
import { identityHeaders } from "./who.js";

function loadFile([url, integrity]) {
  return new Promise((resolve, reject) => {
    const isStyle = url.endsWith(".css");
    const element = document.createElement(isStyle ? "link" : "script");
    Object.assign(element, { integrity, crossOrigin: "anonymous", referrerPolicy: "no-referrer", onload: resolve, onerror: reject });
    Object.assign(element, isStyle ? { rel: "stylesheet", href: url } : { async: false, src: url });
    document.head.append(element);
  });
}

export const loadGraphiQL = () => Promise.all(settings.cdnFiles.map(loadFile));

/** GraphiQL's fetcher: a subscription is an async iterator, anything else a promise. */
function fetcher(request) {
  // Just after a change of the document GraphiQL still gives the name of the operation before.
  const operations = operationsIn(request.query);
  const operationName = operations.length === 1 ? operations[0].name || undefined : request.operationName;
  const answers = execute({ ...request, operationName }, identityHeaders());
  if (operationOf(request)?.type === "subscription") {
    return {
      [Symbol.asyncIterator]() { return this; },
      return: () => answers.return(),
      async next() {
        const { done, value } = await answers.next();
        return { done, value: value?.result };
      },
    };
  }
  return answers.next().then(({ value: { result } }) => {
    noteTeam(result);
    return result;
  });
}

/** Renders it, with a linked operation if there is one; the result opens another in a tab of its own. */
export function showGraphiQL(example, linked, onFailure) {
  const { createElement, Component } = React;
  let editors = null;
  const Editors = () => {
    editors = GraphiQL.React.useEditorContext();
    return null;
  };
  class OrFailure extends Component {
    state = { failed: false };
    static getDerivedStateFromError() { return { failed: true }; }
    componentDidCatch() { onFailure("GraphiQL stopped with an error. This is the built-in explorer."); }
    render() { return this.state.failed ? null : this.props.children; }
  }
  byId("loading").hidden = true;
  byId("graphiql").hidden = false;
  const graphiql = createElement(GraphiQL, {
    fetcher,
    defaultQuery: "",
    // Without this it would drop the variables of its first tab.
    ...((linked || !graphiqlStorage.getItem("graphiql:tabState")) && textOf(linked ?? example)),
    isHeadersEditorEnabled: false,  // It stores what is typed there, even with shouldPersistHeaders off: a token, say.
    shouldPersistHeaders: false,
    inputValueDeprecation: true,
    storage: graphiqlStorage,
    ...((settings.onlyTrusted || !settings.introspection) && { schema: null }),  // It would ask in vain.
  }, createElement(GraphiQL.Footer, null, createElement(Editors)));
  ReactDOM.createRoot(byId("graphiql")).render(createElement(OrFailure, null, graphiql));
  return (chosen) => {
    const { query, variables } = textOf(chosen);
    editors.addTab();
    editors.queryEditor.setValue(query);
    editors.variableEditor.setValue(variables);
  };
}
