/** Draws the frames of the race: a user who is on two teams is red on both. */

import { chip } from "/board/cards.js";
import { byId, make } from "/board/dom.js";

const SIDES = ["classic", "ours"];

function draw(frame) {
  byId("clock").textContent = frame.seconds ? `${frame.seconds.toFixed(1)} of ${frame.of} s` : "starting the servers";
  for (const side of SIDES) drawSide(side, frame[side]);
}

function drawSide(side, { teams, accepted = 0, refused = {}, violations }) {
  const counts = new Map();
  for (const { userIds } of teams) for (const id of userIds) counts.set(id, (counts.get(id) ?? 0) + 1);
  const twice = new Set([...counts].filter(([, count]) => count > 1).map(([id]) => id));
  show(`${side}-count`, twice.size);
  show(`${side}-ever`, violations?.usersEverOnSeveralTeams ?? 0);
  const refusals = Object.values(refused).reduce((sum, count) => sum + count, 0);
  byId(`${side}-numbers`).textContent = `${accepted.toLocaleString("en")} accepted, ${refusals.toLocaleString("en")} refused`;
  byId(`${side}-teams`).replaceChildren(...teams.map(({ name, userIds }) => make("li", {},
    make("h3", { text: name }),
    make("div", { class: "chips" }, ...userIds.map((id) => userChip(id, twice.has(id)))))));
}

function userChip(id, isTwice) {
  const element = chip(id);
  element.classList.toggle("twice", isTwice);
  element.disabled = true;
  return element;
}

function show(id, count) {
  byId(id).textContent = count;
  byId(id).classList.toggle("broken", count > 0);
}

const frames = new EventSource("/frames");
frames.addEventListener("frame", ({ data }) => draw(JSON.parse(data)));
frames.addEventListener("over", ({ data }) => {
  frames.close();
  const frame = JSON.parse(data);
  draw(frame);
  byId("verdict").textContent = frame.verdict;
  byId("victim").src = frame.victim ? "/victim.svg" : "";
  byId("victim").hidden = !frame.victim;
  byId("end").hidden = false;
});
