/** `<vital-comparison>`: chooses what the charts are compared with: the hour, the day or the week before. */

import { COMPARISONS } from "../page/choices.js";
import { keyOf } from "../page/keys.js";
import { h } from "../dom/html.js";

const WORDS = Object.freeze({ "1h": "an hour ago", "24h": "yesterday", "7d": "a week ago" });

/** Set `view` before it is connected. */
export class VitalComparison extends HTMLElement {
  /** @type {import("../page/view.js").View} */ view;

  /** @type {HTMLSelectElement} */ #select;

  connectedCallback() {
    const options = Object.entries(COMPARISONS).map(([key, seconds]) => h("option", { value: `${seconds}` }, `vs. ${WORDS[key]}`));
    this.#select = /** @type {any} */ (h("select", { "aria-label": "Compare with", title: `Compare with an hour, a day or a week before (${keyOf("compare")})` }, h("option", { value: "0" }, "Compare"), ...options));
    this.#select.addEventListener("change", () => this.view.set({ compare: Number(this.#select.value) }));
    this.replaceChildren(this.#select);
    this.view.addEventListener("change", this.#show);
    this.#show();
  }

  disconnectedCallback() {
    this.view.removeEventListener("change", this.#show);
    this.replaceChildren();
  }

  #show = () => {
    this.#select.value = String(this.view.compare);
    this.classList.toggle("on", this.view.compare > 0);
  };
}
