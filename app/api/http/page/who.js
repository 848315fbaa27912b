/** The viewer: any name in development mode, else the bearer of a token. */

import { byId, keep, kept, settings } from "./page.js";

/** The headers that identify the viewer. A token stays in its field and is never stored. */
export function identityHeaders() {
  if (!settings.development) {
    const token = byId("token").value.trim().replace(/^Bearer\s+/i, "");
    return token ? { Authorization: `Bearer ${token}` } : {};
  }
  const chosen = byId("user").value;
  const isOther = chosen === "other";
  const user = isOther ? byId("name").value.trim() : chosen;
  const isAdmin = isOther ? byId("admin").checked : chosen === "john";
  return { ...(user && { "X-User-Id": user }), ...(user && isAdmin && { "X-User-Role": "admin" }) };
}

export function showIdentity() {
  byId("bearer").hidden = settings.development;
  byId("headers").hidden = !settings.development;
  const [user, name, admin] = ["user", "name", "admin"].map(byId);
  const last = kept("who");
  if (last) [user.value, name.value, admin.checked] = last;
  const changed = () => {
    byId("other-user").hidden = user.value !== "other";
    keep("who", [user.value, name.value, admin.checked]);
  };
  byId("headers").addEventListener("input", changed);
  changed();
}
