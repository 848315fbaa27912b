/** The list of changes and refusals, newest first, and the announcements for screen readers. */

import { byId, make, since } from "./dom.js";
import { sentenceOf } from "./sentences.js";

const LONGEST = 200;

export function addChange(change, nameOf, show) {
  const text = sentenceOf(change, nameOf);
  if (!text) return;
  add(make("button", { type: "button", text, onclick: () => show(change.teamId) }), change.at);
}

/** A refusal of the viewer's own, in red; it is announced too. */
export function addRefusal(message) {
  add(make("span", { class: "refusal", text: message }), new Date().toISOString(), "refused");
  announce(message);
}

export function announce(text) {
  byId("announcement").textContent = text;
}

function add(content, at, kind = "") {
  const list = byId("activity-list");
  list.prepend(make("li", { class: kind }, content, " ", make("time", { datetime: at, text: `${since(at)} ago` })));
  if (list.children.length > LONGEST) list.lastElementChild.remove();
}

/** Brings the ages of the entries up to date. */
export function refreshAges() {
  if (document.hidden) return;
  for (const time of byId("activity-list").querySelectorAll("time")) time.textContent = `${since(time.dateTime)} ago`;
}
