/** Dialogs that ask for something: each resolves to the values, or to null when it is closed. */

import { byId, make } from "./dom.js";

/**
 * Shows a dialog with `fields` (`{ name, label, value, …attributes of the input }`) and `buttons`
 * (`{ value, text, danger }`); resolves to `{ button, ...values }`, or to null.
 */
export function ask(title, fields, buttons, text) {
  const dialog = byId("dialog");
  const inputs = fields.map(({ name, label, ...attributes }) => make("label", {}, label, " ", make("input", { name, ...attributes })));
  const form = make("form", { method: "dialog" },
    make("h2", { id: "dialog-title", text: title }),
    text && make("p", { text }),
    ...inputs,
    make("div", { class: "buttons" },
      ...buttons.map(({ value, text: label, danger }, index) => make("button", { value, text: label, class: danger ? "danger" : index === 0 ? "primary" : "" })),
      make("button", { type: "button", text: "Cancel", onclick: () => dialog.close("") })));
  dialog.replaceChildren(form);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const button = dialog.returnValue;
      resolve(button ? { button, ...Object.fromEntries(new FormData(form)) } : null);
    }, { once: true });
  });
}

/** A message above the cards with the next steps as buttons; it goes away with the first of them. */
export function say(text, steps = []) {
  const message = byId("message");
  const close = (then) => () => { message.hidden = true; then?.(); };
  message.replaceChildren(
    make("p", { text }),
    ...steps.map(({ text: label, run }) => make("button", { type: "button", text: label, onclick: close(run) })),
    make("button", { type: "button", text: "Close", onclick: close() }),
  );
  message.hidden = false;
}
