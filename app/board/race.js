/** Sue joins one team while John, an admin, adds her to another: both requests as lanes in time. */

import { byId, make } from "./dom.js";
import { headersOf } from "./identity.js";
import { MUTATIONS } from "./operations.js";
import { TeamJoiner } from "./team-joiner.js";

const SUE = "sue";
const TEAMS = ["Blue Whales", "Red Pandas"];

/** Runs the race on two teams of these names, which `john`, a client, creates if they are not there; the two results. Development mode only. */
export async function race(john, teams) {
  const sue = new TeamJoiner({ headers: () => headersOf(SUE) });
  const [blue, red] = await Promise.all(TEAMS.map((name) => teamNamed(name, john, teams)));
  const on = teams.teamOf(SUE);
  if (on) await john.mutate(MUTATIONS.removeUserFromTeam, { teamId: on.id, userId: SUE });
  const began = performance.now();
  const timed = async (who, what, answer) => {
    const sentAt = performance.now() - began;
    const result = await answer;
    return { who, what, sentAt, answeredAt: performance.now() - began, result };
  };
  const lanes = await Promise.all([
    timed("Sue", `joins ${TEAMS[0]}`, sue.mutate(MUTATIONS.joinTeam, { teamId: blue })),
    timed("John", `adds Sue to ${TEAMS[1]}`, john.mutate(MUTATIONS.addUserToTeam, { teamId: red, userId: SUE })),
  ]);
  draw(lanes);
  return lanes.map(({ result }) => result);
}

async function teamNamed(name, john, teams) {
  const found = [...teams.all.values()].find((team) => team.name === name);
  return found?.id ?? (await john.mutate(MUTATIONS.createTeam, { name })).team.id;
}

function draw(lanes) {
  const end = Math.max(...lanes.map(({ answeredAt }) => answeredAt));
  const winners = lanes.filter(({ result }) => result.__typename.endsWith("Success"));
  byId("lanes").replaceChildren(
    make("h2", { text: "The race" }),
    ...lanes.map(({ who, what, sentAt, answeredAt, result }) => {
      const bar = make("span", { class: `lane ${winners.some((lane) => lane.who === who) ? "won" : "lost"}` });
      bar.style.setProperty("--from", sentAt / end);
      bar.style.setProperty("--to", answeredAt / end);
      const outcome = result.currentTeam ? `refused: she is on ${result.currentTeam.name}` : result.message ?? "accepted";
      return make("p", {}, make("b", { text: who }), ` ${what}: ${outcome}, after ${(answeredAt - sentAt).toFixed(1)} ms`, bar);
    }),
    make("p", { class: "verdict", text: winners.length === 1 ? `Both were sent at once; ${winners[0].who} was first, and Sue is on one team.` : "Both were answered; run it again." }),
  );
  byId("lanes").hidden = false;
}
