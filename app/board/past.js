/** Any moment since the page was opened: the teams before each change, made by applying changes again. */

import { after } from "./teams.js";

const STEP_EVERY_CHANGES = 100;

export class Past {
  /** `steps[n]` is the board before change n times STEP_EVERY_CHANGES. Teams are never changed in place. */
  #steps = [];
  changes = [];

  constructor(teams) {
    this.#steps.push(new Map(teams));
  }

  add(change, teams) {
    this.changes.push(change);
    if (this.changes.length % STEP_EVERY_CHANGES === 0) this.#steps.push(new Map(teams));
  }

  /** The teams after the first `count` changes. */
  at(count) {
    const step = Math.floor(count / STEP_EVERY_CHANGES);
    const teams = new Map(this.#steps[step]);
    for (const change of this.changes.slice(step * STEP_EVERY_CHANGES, count)) {
      const before = teams.get(change.teamId);
      if (before && change.version <= before.version) continue;
      if (change.__typename === "TeamDeleted") teams.delete(change.teamId);
      else if (before || change.__typename === "TeamCreated") teams.set(change.teamId, after(change, before));
    }
    return teams;
  }
}
