/** The page's elements and settings, and the state that survives a reload. */

export const byId = (id) => document.getElementById(id);

/** As the server wrote them into the page: see graphiql.py. */
export const settings = JSON.parse(byId("settings").textContent);

/** An element whose children are text or elements, so that data never becomes markup. */
export function make(tag, ...children) {
  const element = document.createElement(tag);
  element.append(...children);
  return element;
}

export function tell(note) {
  byId("note").textContent = note;
  byId("note").hidden = !note;
}

const PREFIX = "team-joiner:";

// Each tab has its own memory; a new tab starts with the last one's.
const stores = () => [sessionStorage, localStorage];

/** Keeps a value under a name. A browser may refuse: then nothing is kept. */
export function keep(name, value) {
  try { stores().forEach((store) => store.setItem(PREFIX + name, JSON.stringify(value))); } catch { /* refused, or full */ }
}

export function kept(name) {
  try {
    const [own, last] = stores().map((store) => store.getItem(PREFIX + name));
    return JSON.parse(own ?? last);
  } catch { return null; }
}

/** GraphiQL's storage: under our prefix, since another GraphiQL may use the same host and port. */
export const graphiqlStorage = {
  getItem: kept,
  setItem: keep,
  removeItem: (name) => keep(name, null),
  clear() {
    for (const store of stores()) {
      for (const key of Object.keys(store).filter((each) => each.startsWith(PREFIX))) store.removeItem(key);
    }
  },
  length: 0,
};
