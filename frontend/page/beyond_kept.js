/** Says that a link is to a time of which nothing is kept any more, and offers what there is. */

import { momentWords } from "../charts/model/time_words.js";
import { h, setText } from "../dom/html.js";

const HOUR_MS = 3_600_000;

export class BeyondKept {
  /** @param {{view: import("./view.js").View, past: import("./past.js").Past}} parts */
  constructor({ view, past }) {
    this.#view = view;
    this.#past = past;
    const oldest = h("button", { type: "button" }, "Show the oldest hour");
    const live = h("button", { type: "button" }, "Go live");
    oldest.addEventListener("click", () => this.#showOldest());
    live.addEventListener("click", () => view.live());
    this.#words = h("p");
    this.element = h("div", { class: "beyond", role: "status", hidden: true }, this.#words, oldest, live);
  }

  #view;
  #past;
  #words;

  start() {
    this.#view.addEventListener("change", this.#refresh);
    this.#past.addEventListener("reaches", this.#refresh);
    this.#refresh();
  }

  stop() {
    this.#past.removeEventListener("reaches", this.#refresh);
    this.#view.removeEventListener("change", this.#refresh);
  }

  #refresh = () => {
    const { frozen } = this.#view;
    const { reaches } = this.#past;
    this.element.hidden = !(frozen && frozen.to <= reaches);
    if (!this.element.hidden) setText(this.#words, `Nothing is kept from before ${momentWords(reaches, this.#past.now())}.`);
  };

  #showOldest() {
    const { reaches } = this.#past;
    this.#view.set({ frozen: { from: reaches, to: Math.min(reaches + HOUR_MS, this.#past.now()) }, at: null });
  }
}
