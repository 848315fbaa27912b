/** The viewer: any name in development mode, else the bearer of a token. */

import { byId } from "./dom.js";

const KEY = "team-joiner-board-user";

export class Identity {
  constructor({ development }, onChange) {
    this.development = development;
    byId("who-development").hidden = !development;
    byId("who-token").hidden = development;
    if (development) {
      const [user, admin] = JSON.parse(sessionStorage.getItem(KEY) ?? '["sue", false]');
      byId("user").value = user;
      byId("admin").checked = admin;
    }
    byId("who").addEventListener("submit", (event) => event.preventDefault());
    byId("who").addEventListener("change", () => {
      if (development) sessionStorage.setItem(KEY, JSON.stringify([byId("user").value, byId("admin").checked]));
      onChange();
    });
  }

  /** The headers of a request. A token stays in its field and is never stored. */
  headers() {
    if (this.development) return headersOf(this.userId, byId("admin").checked);
    return this.#token ? { Authorization: `Bearer ${this.#token}` } : {};
  }

  get userId() {
    return (this.development ? byId("user").value.trim() : this.#claims.sub) || null;
  }

  /** Whether to offer what admins may do; the service decides. */
  get isAdmin() {
    return this.development ? Boolean(this.userId) && byId("admin").checked : JSON.stringify(this.#claims).includes('"admin"');
  }

  get #token() {
    return byId("token").value.trim().replace(/^Bearer\s+/i, "");
  }

  get #claims() {
    try {
      const payload = this.#token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
      return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(payload), (byte) => byte.charCodeAt(0))));
    } catch {
      return {};
    }
  }
}

/** The headers of a user in development mode. */
export const headersOf = (userId, isAdmin) => (userId ? { "X-User-Id": userId, ...(isAdmin && { "X-User-Role": "admin" }) } : {});
