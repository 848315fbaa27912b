/** Draws teams as cards, and users as chips in them. */

import { hueOf, initialsOf, make, prefersLessMotion } from "./dom.js";

const MANY_PLACES = 24;  // so many are drawn one by one, more as a bar

/** A user's chip. `carry` makes it one that can be picked up. */
export function chip(userId, { isMine, isWaiting, carry, show } = {}) {
  const element = make("button", {
    type: "button",
    class: `chip${isMine ? " mine" : ""}${isWaiting ? " waiting" : ""}`,
    title: isWaiting ? `${userId}: waiting for the answer` : userId,
    "data-user": userId,
    "aria-label": `${userId}${isMine ? " (you)" : ""}${isWaiting ? ", waiting for the answer" : ""}`,
    draggable: carry ? "true" : undefined,
    onclick: () => show(userId),
    ondragstart: carry && ((event) => { event.dataTransfer.setData("text/plain", userId); carry(userId); }),
  }, make("span", { class: "initials", "aria-hidden": "true", text: initialsOf(userId) }), make("span", { class: "id", text: userId }));
  element.style.setProperty("--hue", hueOf(userId));
  return element;
}

/** A team's card. `can` tells which actions are offered; `act` carries them out. */
export function card(team, { viewerId, waiting, can, act, carried }) {
  const here = team.members.includes(viewerId);
  const full = team.capacity !== null && team.memberCount >= team.capacity;
  const chips = team.members.map((id) => chip(id, { isMine: id === viewerId, carry: can.place && act.pickUp, show: act.showUser }));
  const pending = waiting.filter(({ teamId, userId }) => teamId === team.id && !team.members.includes(userId));
  chips.push(...pending.map(({ userId }) => chip(userId, { isMine: userId === viewerId, isWaiting: true, show: act.showUser })));
  const hidden = team.memberCount - team.members.length;

  return make("li", {
    class: `card${here ? " here" : ""}${full ? " full" : ""}${carried ? " target" : ""}`,
    "data-team": team.id,
    tabindex: "-1",
    ondragover: can.place && ((event) => event.preventDefault()),
    ondrop: can.place && ((event) => { event.preventDefault(); act.drop(team.id); }),
  },
  make("h3", { class: "name", id: `name-${team.id}`, text: team.name }),
  places(team),
  make("div", { class: "chips", role: "group", "aria-label": `Members of ${team.name}` }, ...chips,
    hidden > 0 && make("button", { type: "button", class: "more", text: `+ ${hidden.toLocaleString("en")} more`, onclick: () => act.more(team.id) })),
  make("div", { class: "actions" }, ...actions(team, { here, full, can, act, carried })),
  make("span", { class: "version", title: "The team's version: each change raises it by one", text: `v${team.version}` }));
}

function actions(team, { here, full, can, act, carried }) {
  const button = (text, onclick, more = {}) => make("button", { type: "button", text, onclick, "aria-label": `${text}: ${team.name}`, ...more });
  if (carried) return [button(`Put ${carried} here`, () => act.drop(team.id), { class: "primary" })];
  return [
    can.join && here && button("Leave", () => act.leave(team.id)),
    can.join && !here && !full && button(can.isOnTeam ? "Switch here" : "Join", () => act.join(team.id), { class: "primary" }),
    full && !here && make("span", { class: "note", text: "full" }),
    can.place && button("Add…", () => act.add(team.id)),
    can.edit && button("Edit…", () => act.edit(team.id)),
  ].filter(Boolean);
}

/** The places of a team: taken and free. */
function places({ memberCount, capacity }) {
  const text = capacity === null ? `${memberCount.toLocaleString("en")} members` : `${memberCount.toLocaleString("en")} of ${capacity.toLocaleString("en")} places`;
  const bar = make("span", { class: capacity !== null && capacity <= MANY_PLACES ? "bar dots" : "bar", "aria-hidden": "true" });
  bar.style.setProperty("--taken", capacity ? Math.min(1, memberCount / capacity) : 0);
  bar.style.setProperty("--places", capacity ?? 1);
  return make("p", { class: "places" }, bar, make("span", { text }));
}

/** Lets a chip slide from where it was to where it is, and its card glow. */
export function animate(element, from, glowing) {
  if (prefersLessMotion()) return;
  glowing?.animate([{ boxShadow: "0 0 0 3px var(--glow)" }, { boxShadow: "0 0 0 3px transparent" }], 1_200);
  if (!element || !from) return;
  const to = element.getBoundingClientRect();
  const [x, y] = [from.left - to.left, from.top - to.top];
  element.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: "none" }], { duration: 450, easing: "cubic-bezier(.2,.8,.2,1)" });
}
