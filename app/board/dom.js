/** Making and finding elements. Text is always text: nothing here parses markup. */

export const byId = (id) => document.getElementById(id);

/** An element with properties (`class`, `text`, `on…` listeners, `data-…` and `aria-…` attributes) and children. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (name === "text") element.textContent = value;
    else if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter(Boolean));
  return element;
}

/** A hue of 0 to 359 that is always the same for one text. */
export function hueOf(text) {
  let hash = 0;
  for (const character of text) hash = (hash * 31 + character.codePointAt(0)) % 100_003;
  return (hash * 137) % 360;
}

/** One or two letters for a user. */
export function initialsOf(userId) {
  const words = userId.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const letters = words.length > 1 ? words.slice(0, 2).map((word) => [...word][0]) : [...(words[0] ?? userId)].slice(0, 2);
  return letters.join("").toUpperCase();
}

/** "0.2 s", "40 s", "3 min", "2 h" or "5 days" since a moment; never negative, whatever the clocks say. */
export function since(instant, now = Date.now()) {
  const seconds = Math.max(0, (now - Date.parse(instant)) / 1000);
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}

export const prefersLessMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
