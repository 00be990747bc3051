/** `<vital-help>`: what the keys do, from the same table that makes them do it. */

import { BINDINGS, capsOf } from "../page/keys.js";
import { closeBeside } from "../dom/dialog.js";
import { h } from "../dom/html.js";

export class VitalHelp extends HTMLElement {
  /** @type {HTMLDialogElement} */ #dialog;

  connectedCallback() {
    const groups = Map.groupBy(BINDINGS, ({ group }) => group);
    const close = h("button", { type: "button", autofocus: true }, "Close ", h("kbd", {}, "Esc"));
    close.addEventListener("click", () => this.#dialog.close());
    this.#dialog = /** @type {HTMLDialogElement} */ (
      h(
        "dialog",
        { class: "help", "aria-labelledby": "help-title" },
        h("header", {}, h("h2", { id: "help-title" }, "Keyboard shortcuts"), close),
        h("div", { class: "groups" }, ...[...groups].map(([name, bindings]) => groupOf(name, bindings))),
        h("p", {}, "On a chart: click to choose a moment, drag to zoom into a part, double-click to return to live."),
        h("p", {}, "Ctrl+wheel or pinch zooms about the pointer, Shift+drag or two fingers move the window."),
        h("p", {}, "F, V, P, C and E apply to the panel under the pointer, else to the one with the focus."),
        h("p", {}, "Everything else is in the ", h("a", { href: "docs" }, "manual"), "."),
      )
    );
    closeBeside(this.#dialog);
    this.replaceChildren(this.#dialog);
  }

  disconnectedCallback() {
    this.replaceChildren();
  }

  /** Opens it, or closes it again; the focus goes back to where it was. */
  toggle() {
    if (this.#dialog.open) this.#dialog.close();
    else this.#dialog.showModal();
  }
}

const groupOf = (name, bindings) =>
  h("section", {}, h("h3", {}, name), h("dl", {}, ...bindings.map((binding) => h("div", {}, keysOf(binding), h("dd", {}, binding.words)))));

function keysOf({ keys }) {
  const caps = keys.map((key) => h("span", {}, ...capsOf(key).map((cap) => h("kbd", {}, cap))));
  return h("dt", {}, ...caps.flatMap((cap, i) => (i ? [" ", cap] : [cap])));
}
