/** Says that a link is to a time of which nothing is kept any more, or that is yet to come, and offers what there is. */

import { momentWords } from "../charts/model/time_words.js";
import { everyBeat } from "../dom/animation_frames.js";
import { h, setText } from "../dom/html.js";

const HOUR_MS = 3_600_000;
/** So far ahead the newest reading may be of what this page takes for now. */
const AHEAD_MS = 5000;

export class BeyondKept {
  /** @param {{view: import("./view.js").View, past: import("./past.js").Past}} parts */
  constructor({ view, past }) {
    this.#view = view;
    this.#past = past;
    this.#oldest = h("button", { type: "button" }, "Show the oldest hour");
    const live = h("button", { type: "button" }, "Go live");
    this.#oldest.addEventListener("click", () => this.#showOldest());
    live.addEventListener("click", () => view.live());
    this.#words = h("p");
    this.element = h("div", { class: "beyond", role: "status", hidden: true }, this.#words, this.#oldest, live);
  }

  #view;
  #past;
  #words;
  #oldest;
  /** @type {() => void} */ #stopBeat = () => {};

  start() {
    this.#view.addEventListener("change", this.#refresh);
    this.#past.addEventListener("reaches", this.#refresh);
    this.#stopBeat = everyBeat(this.#refresh);
    this.#refresh();
  }

  stop() {
    this.#stopBeat();
    this.#past.removeEventListener("reaches", this.#refresh);
    this.#view.removeEventListener("change", this.#refresh);
  }

  #refresh = () => {
    const words = this.#before || this.#ahead;
    this.element.hidden = !words;
    this.#oldest.hidden = words !== this.#before;
    if (words) setText(this.#words, words);
  };

  get #before() {
    const { frozen } = this.#view;
    const { reaches } = this.#past;
    return frozen && frozen.to <= reaches ? `Nothing is kept from before ${momentWords(reaches, this.#past.now())}.` : "";
  }

  get #ahead() {
    const { frozen, at } = this.#view;
    const now = this.#past.now();
    if (frozen && frozen.from >= now) return "This window is in the future.";
    return at !== null && at > now + AHEAD_MS ? "This moment is in the future." : "";
  }

  #showOldest() {
    const { reaches } = this.#past;
    this.#view.set({ frozen: { from: reaches, to: Math.min(reaches + HOUR_MS, this.#past.now()) }, at: null });
  }
}
