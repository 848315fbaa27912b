/** The live board: connects its model (teams.js) with its views (cards.js, activity.js). */

import { Actions } from "./actions.js";
import { addChange, announce, refreshAges } from "./activity.js";
import { animate, card } from "./cards.js";
import { ask, say } from "./dialogs.js";
import { byId, make } from "./dom.js";
import { Identity, headersOf } from "./identity.js";
import { MUTATIONS, PLACE } from "./operations.js";
import { Past, readEarlier } from "./past.js";
import { race } from "./race.js";
import { sentenceOf } from "./sentences.js";
import { TeamJoiner } from "./team-joiner.js";
import { Teams } from "./teams.js";

const EXAMPLE = { "Blue Whales": 8, "Red Pandas": 8, "Grey Owls": 4 };
const PLAY_FASTER = 10;
const AGES_EVERY_MS = 1_000;

const settings = JSON.parse(byId("settings").textContent);
const identity = new Identity(settings, start);
const client = new TeamJoiner({ headers: () => identity.headers() });
const john = new TeamJoiner({ headers: () => headersOf("john", true) });  // an admin, in development mode

let teams, actions, past, stop;
let carried = null;  // the user who is picked up
let moment = null;  // the number of changes that are shown; null: all, live
const names = new Map();  // of all teams seen, deleted ones too

/** Begins anew, as the user who is chosen now. */
function start() {
  stop?.();
  [carried, moment] = [null, null];
  teams = new Teams(client);
  past = null;
  actions = new Actions({ client, teams, identity, redraw, show });
  teams.addEventListener("reset", ({ detail }) => {
    for (const { id, name } of detail.teams.values()) names.set(id, name);
    teams.all = detail.teams;
    past = new Past(teams.all);
    if (detail.cursor) goFurtherBack(past, readEarlier(client, teams.all, detail.cursor));
    drawAll();
  });
  teams.addEventListener("team", ({ detail }) => redraw(detail.id));
  teams.addEventListener("change", ({ detail }) => showChange(detail.change));
  byId("activity-list").replaceChildren();
  stop = teams.follow(showState);
}

/** Puts the changes from before the page was opened before those that have arrived since. */
async function goFurtherBack(shown, reading) {
  const earlier = await reading.catch(() => null);  // Without them the slider begins now.
  if (!earlier || past !== shown) return;
  past = new Past(earlier.teams, [...earlier.changes, ...shown.changes]);
  if (moment !== null) moment += earlier.changes.length;
  drawSlider();
}

function showChange(change) {
  if (change.name) names.set(change.teamId, change.name);
  past?.add(change, teams.all);
  addChange(change, nameOf, show);
  const userId = change.user?.id;
  const from = userId && chipOf(userId)?.getBoundingClientRect();
  if (moment === null) {
    if (userId === identity.userId) drawAll();  // Every card offers what fits the viewer's place.
    else for (const id of [change.teamId, change.fromTeamId]) if (id) redraw(id);
    if (change.__typename === "UserJoinedTeam") animate(chipOf(userId), from, cardOf(change.teamId));
    else animate(null, null, cardOf(change.teamId));
  }
  if (userId === identity.userId && change.actorId !== userId) announce(sentenceOf(change, nameOf));
  drawSlider();
}

const nameOf = (id) => teams.all.get(id)?.name ?? names.get(id) ?? "a team";
const cardOf = (id) => document.querySelector(`[data-team="${CSS.escape(id)}"]`);
const chipOf = (userId) => document.querySelector(`.chip:not(.waiting)[data-user="${CSS.escape(userId)}"]`);

function rights() {
  const isNow = moment === null;
  return {
    join: isNow && Boolean(identity.userId),
    place: isNow && identity.isAdmin,
    edit: isNow && identity.isAdmin,
    isOnTeam: Boolean(identity.userId && teams.teamOf(identity.userId)),
  };
}

const act = {
  join: (id) => actions.join(id),
  leave: (id) => actions.leave(id),
  add: (id) => actions.add(id),
  edit: (id) => actions.edit(id),
  more: (id) => teams.loadMore(id),
  pickUp: (userId) => { carried = userId; },
  drop(teamId) {
    const userId = carried;
    putDown();
    if (userId) actions.place(userId, teamId);
  },
  showUser,
};

/** A click on a chip: the user's way through the teams, and what can be done. */
async function showUser(userId) {
  const { user } = await client.request(PLACE, { id: userId });
  const way = user.history.edges.map(({ node }) => sentenceOf(node, (id) => (node.teamId === id ? node.team?.name : null) ?? nameOf(id))).filter(Boolean);
  const on = teams.teamOf(userId);
  const buttons = identity.isAdmin && moment === null && on ? [{ value: "carry", text: "Move…" }, { value: "remove", text: `Remove from ${on.name}`, danger: true }] : [];
  const answer = await ask(userId, [], buttons, way.length ? `${way.join(". ")}.` : "The log knows no change of this user.");
  if (answer?.button === "remove") actions.remove(userId, on.id);
  if (answer?.button === "carry") pickUp(userId);
}

/** Carries a user until a card is chosen (by pointer, touch, or arrows and Enter) or Escape is pressed. */
function pickUp(userId) {
  carried = userId;
  drawAll();
  announce(`${userId} is picked up. Choose a team with the arrow keys and press Enter, or Escape to put back.`);
  byId("cards").querySelector(".card")?.querySelector("button.primary")?.focus();
}

function putDown() {
  carried = null;
  drawAll();
}

/** Draws one card anew, or all where its place may have changed; keeps the focus. */
function redraw(teamId) {
  drawCounters();
  if (moment !== null) return;
  const team = teams.all.get(teamId);
  const old = teamId && cardOf(teamId);
  if (!team || !old || byId("order").value !== "name" || team.name !== old.querySelector(".name").textContent) return drawAll();
  const focused = old.contains(document.activeElement) && document.activeElement.getAttribute("aria-label");
  const drawn = draw(team, rights());
  old.replaceWith(drawn);
  if (focused) drawn.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
}

const draw = (team, can) => card(team, { viewerId: identity.userId, waiting: moment === null ? actions.waiting : [], can, act, carried });

function shown() {
  const wanted = byId("search").value.trim().toLowerCase();
  const all = [...(moment === null ? teams.all : past.at(moment)).values()];
  const found = wanted ? all.filter(({ name, members }) => name.toLowerCase().includes(wanted) || members.some((id) => id.toLowerCase().includes(wanted))) : all;
  const order = {
    name: (a, b) => a.name.localeCompare(b.name),
    members: (a, b) => b.memberCount - a.memberCount,
    changed: (a, b) => (last.get(b.id) ?? -1) - (last.get(a.id) ?? -1),
  };
  const last = new Map(teams.changes.map(({ teamId }, index) => [teamId, index]));
  return found.sort(order[byId("order").value]);
}

function drawAll() {
  const list = shown();
  const can = rights();
  byId("cards").replaceChildren(...list.map((team) => draw(team, can)));
  byId("create").hidden = !can.edit;
  byId("race").hidden = !(settings.development && moment === null);
  const empty = byId("empty");
  empty.hidden = list.length > 0;
  empty.replaceChildren(...(list.length ? [] : emptiness(can)));
  document.body.classList.toggle("past", moment !== null);
  drawCounters();
  drawSlider();
}

function emptiness(can) {
  if (byId("search").value) return [make("p", { text: "No team and no user is called that." })];
  if (!identity.userId) return [make("p", { text: settings.development ? "Say who you are, at the top." : "Paste a token, at the top, to sign in." })];
  return [
    make("p", { text: "There is no team yet." }),
    can.edit && make("button", { type: "button", class: "primary", text: "Create one", onclick: () => actions.create() }),
    settings.development && make("button", { type: "button", class: can.edit ? "" : "primary", text: "Fill with an example", onclick: fillWithExample }),
  ].filter(Boolean);
}

async function fillWithExample() {
  for (const [name, capacity] of Object.entries(EXAMPLE)) await john.mutate(MUTATIONS.createTeam, { name, capacity });
}

function drawCounters() {
  byId("accepted").textContent = actions.accepted.toLocaleString("en");
  byId("refused").textContent = actions.refused.toLocaleString("en");
  const twice = teams.countTwice();
  byId("twice").textContent = twice;
  byId("twice").classList.toggle("broken", twice > 0);
}

/** The text of the live mark. */
function showState({ name, retryInMs, error }) {
  const mark = byId("live");
  mark.dataset.state = name;
  mark.textContent = {
    loading: "catching up",
    live: "live",
    waiting: `reconnecting in ${Math.max(1, Math.round((retryInMs ?? 0) / 1000))} s`,
    refused: "signed out",
  }[name];
  document.body.classList.toggle("offline", name === "waiting");
  if (name === "refused") {
    teams.all = new Map();
    drawAll();
    if (identity.userId) say(error.message);
  }
}

function drawSlider() {
  const count = past?.changes.length ?? 0;
  const slider = byId("moment");
  slider.max = count;
  slider.disabled = byId("play").disabled = count === 0;
  if (moment === null) slider.value = count;
  byId("now").hidden = moment === null;
  byId("when").textContent = moment === null ? "now" : `change ${moment} of ${count}${moment ? `, ${new Date(past.changes[moment - 1].at).toLocaleTimeString("en-GB")}` : ""}`;
}

function go(count) {
  moment = count;
  drawAll();
}

/** Shows the changes from the chosen moment on, ten times as fast as they came. */
async function play() {
  if (moment === null || moment === past.changes.length) go(0);
  const [then, began, first] = [Date.parse(past.changes[moment].at), performance.now(), moment];
  for (let count = first; moment === count && count < past.changes.length; count += 1) {
    const due = (Date.parse(past.changes[count].at) - then) / PLAY_FASTER;
    await new Promise((resolve) => setTimeout(resolve, due - (performance.now() - began)));
    if (moment === count) go(count + 1);
  }
}

function show(teamId) {
  if (moment !== null) go(null);
  const element = cardOf(teamId);
  element?.scrollIntoView({ block: "nearest" });
  animate(null, null, element);
}

byId("search").addEventListener("input", drawAll);
byId("order").addEventListener("change", drawAll);
byId("create").addEventListener("click", () => actions.create());
byId("race").addEventListener("click", () => race(john, teams)
  .then((results) => { for (const result of results) actions.count(result); drawCounters(); })
  .catch((error) => say(error.message)));
byId("moment").addEventListener("input", ({ target }) => go(Number(target.value)));
byId("now").addEventListener("click", () => go(null));
byId("play").addEventListener("click", play);
document.addEventListener("keydown", (event) => {
  if (!carried) return;
  if (event.key === "Escape") putDown();
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const targets = [...byId("cards").querySelectorAll("button.primary")];
  targets.at((targets.indexOf(document.activeElement) + step) % targets.length).focus();
});
setInterval(refreshAges, AGES_EVERY_MS);
start();
