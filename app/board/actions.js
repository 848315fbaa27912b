/** The viewer's actions. Each sends one mutation, and explains a refusal in a sentence. */

import { announce, addRefusal } from "./activity.js";
import { ask, say } from "./dialogs.js";
import { since } from "./dom.js";
import { MUTATIONS, PLACE } from "./operations.js";

const LOOKS = 5;
const LOOK_EVERY_MS = 100;

export class Actions {
  /** Users on their way to a team: `{ teamId, userId }`. They are drawn dashed. */
  waiting = [];
  accepted = 0;
  refused = 0;

  constructor({ client, teams, identity, redraw, show }) {
    Object.assign(this, { client, teams, identity, redraw, show });
  }

  join(teamId) {
    const on = this.teams.teamOf(this.identity.userId);
    return on ? this.#move("switchTeam", { toTeamId: teamId }, this.identity.userId, teamId) : this.#move("joinTeam", { teamId }, this.identity.userId, teamId);
  }

  leave(teamId) {
    return this.#send("leaveTeam", { teamId });
  }

  /** Puts a user on a team, from wherever the board shows the user. */
  place(userId, teamId) {
    const from = this.teams.teamOf(userId);
    if (from?.id === teamId) return null;
    return from
      ? this.#move("moveUserToTeam", { userId, fromTeamId: from.id, toTeamId: teamId }, userId, teamId)
      : this.#move("addUserToTeam", { userId, teamId }, userId, teamId);
  }

  remove(userId, teamId) {
    return this.#send("removeUserFromTeam", { userId, teamId });
  }

  async add(teamId) {
    const answer = await ask(`Add a user to ${this.#nameOf(teamId)}`, [{ name: "userId", label: "User id", required: true, maxlength: 128, autocapitalize: "off" }], [{ value: "add", text: "Add" }]);
    if (answer) await this.place(answer.userId.trim(), teamId);
  }

  async create() {
    const answer = await ask("New team", [
      { name: "name", label: "Name", required: true, maxlength: 100 },
      { name: "capacity", label: "Places (empty: the default)", type: "number", min: 1, max: 10000 },
    ], [{ value: "create", text: "Create" }]);
    if (!answer) return;
    const result = await this.#send("createTeam", { name: answer.name, ...(answer.capacity && { capacity: Number(answer.capacity) }) });
    if (result?.team) this.show(result.team.id);
  }

  /** Changes name and places, or deletes the team, if it is still as the viewer saw it. */
  async edit(teamId) {
    const seen = this.teams.all.get(teamId);
    const answer = await ask(`Edit ${seen.name}`, [
      { name: "name", label: "Name", value: seen.name, required: true, maxlength: 100 },
      { name: "capacity", label: "Places (empty: the default)", type: "number", min: 1, max: 10000, value: seen.capacity ?? "" },
    ], [{ value: "save", text: "Save" }, { value: "delete", text: "Delete the team", danger: true }]);
    if (!answer) return;
    if (answer.button === "delete") await this.#delete(teamId, seen);
    else await this.#update(seen, seen, { name: answer.name, capacity: answer.capacity === "" ? null : Number(answer.capacity) });
  }

  /** Sends what differs from what the viewer saw; asks which text to keep if somebody else changed it meanwhile. */
  async #update(seen, now, wanted) {
    const changed = Object.fromEntries(Object.entries(wanted).filter(([field, value]) => value !== seen[field]));
    if (!Object.keys(changed).length) return;
    const result = await this.#send("updateTeam", { teamId: seen.id, expectedVersion: now.version, ...changed }, ["VersionConflict"]);
    if (result?.__typename !== "VersionConflict") return;
    const { team } = result;
    const both = changed.name !== undefined && team.name !== seen.name && team.name !== changed.name;
    if (!both) return this.#update(seen, team, wanted);  // Somebody changed another thing: nothing is overwritten.
    const renamed = this.teams.changes.findLast((change) => change.__typename === "TeamRenamed" && change.teamId === seen.id);
    const answer = await ask("Two names", [], [
      { value: "theirs", text: `Keep “${team.name}”` },
      { value: "mine", text: `Take “${changed.name}”` },
    ], `${renamed?.actorId ?? "Somebody"} named it “${team.name}” while you typed “${changed.name}”.`);
    if (answer) await this.#update(team, team, answer.button === "mine" ? wanted : { ...wanted, name: team.name });
  }

  async #delete(teamId, seen) {
    const result = await this.#send("deleteTeam", { teamId, expectedVersion: seen.version }, ["VersionConflict"]);
    if (result?.__typename !== "VersionConflict") return;
    say(`${seen.name} has changed since you looked: it has ${result.team.memberCount} members now.`, [
      { text: "Delete it all the same", run: () => this.#delete(teamId, result.team) },
    ]);
  }

  /** A change of a user's place: drawn at once, and explained if it is refused. */
  async #move(name, input, userId, teamId) {
    const entry = { teamId, userId };
    this.waiting.push(entry);
    this.redraw(teamId);
    const result = await this.#send(name, input, ["AlreadyOnTeam", "NotOnTeam"]);
    this.waiting.splice(this.waiting.indexOf(entry), 1);
    this.redraw(teamId);
    if (["AlreadyOnTeam", "NotOnTeam"].includes(result?.__typename)) await this.#explainPlace(userId, teamId);
    return result;
  }

  /** Says where the user is and who did that, shows that team, and offers what can be done. */
  async #explainPlace(userId, wantedId) {
    const { user, last } = await this.#placeOf(userId);
    if (!user.team) return say(`${userId} is on no team any more.`, [{ text: "Try again", run: () => this.place(userId, wantedId) }]);
    const isMe = userId === this.identity.userId;
    const how = last && last.actorId !== userId ? `: ${last.actorId ?? "somebody"} put ${isMe ? "you" : userId} there ${since(last.at)} ago` : "";
    const text = `${isMe ? "You are" : `${userId} is`} on ${user.team.name} already${how}.`;
    this.show(user.team.id);
    addRefusal(text);
    say(text, user.team.id === wantedId ? [] : [
      { text: `Switch to ${this.#nameOf(wantedId)}`, run: () => (isMe ? this.#move("switchTeam", { toTeamId: wantedId }, userId, wantedId) : this.place(userId, wantedId)) },
      { text: `Stay on ${user.team.name}` },
    ]);
  }

  count({ __typename }) {
    if (__typename.endsWith("Success")) this.accepted += 1;
    else this.refused += 1;
  }

  /** Where the user is, and the change that put the user there; it is recorded a moment after the change. */
  async #placeOf(userId) {
    for (let attempt = 0; ; attempt += 1) {
      const { user } = await this.client.request(PLACE, { id: userId });
      const last = user.history.edges.map(({ node }) => node).find(({ __typename }) => __typename === "UserJoinedTeam");
      if (!user.team || last?.teamId === user.team.id || attempt === LOOKS) return { user, last };
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  /** The result. A refusal that the caller does not treat itself is shown. */
  async #send(name, input, treated = []) {
    try {
      const result = await this.client.mutate(MUTATIONS[name], input, { onWait: () => announce("There is no answer yet. It is sent again by itself.") });
      this.count(result);
      if (result.message && !treated.includes(result.__typename)) {
        addRefusal(result.message);
        say(result.message);
      }
      return result;
    } catch (error) {
      say(error.message);
      return null;
    } finally {
      this.redraw();
    }
  }

  #nameOf(teamId) {
    return this.teams.all.get(teamId)?.name ?? "a team that is gone";
  }
}
