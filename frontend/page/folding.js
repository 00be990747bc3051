/** Folds a panel in which nothing moves to one line, and opens it when something does; folded it costs next to nothing. */

import { layoutOf } from "../charts/model/lines.js";
import { stillnessOf, stillWords } from "../charts/model/stillness.js";
import { h, setText } from "../dom/html.js";
import { LIVE_S } from "./choices.js";

/** Still for so long, but for a reading that is late. */
const STILL_MS = 290_000;
/** How often a folded panel's readings come, and how often an open one is judged. */
const SLOW_S = 10;
const JUDGED_EVERY_MS = 5000;
/** Who opened one wants to look at it for a while. */
const OPEN_MS = 600_000;

/** Only what is small and no sign of the machine's health: those are looked for in their place. @param {import("../charts/model/panel.js").Panel} panel */
export const foldable = ({ chart = "line", vital, wide, place }) => chart === "line" && !vital && !wide && !place;

export class Folding {
  /**
   * It holds the panel's stream in the panel's stead.
   *
   * @param {{element: HTMLElement, definition: import("../charts/model/panel.js").Panel, view: import("./view.js").View,
   *          stream: import("../client/series_stream.js").SeriesStream}} parts
   */
  constructor({ element, definition, view, stream }) {
    this.#element = element;
    this.#definition = definition;
    this.#view = view;
    this.#stream = stream;
    this.#button = h("button", { type: "button", title: "Show the chart" });
    this.line = h("li", { hidden: true }, this.#button);
    this.#button.addEventListener("click", () => this.#opened());
    stream.addEventListener("change", this.#heard);
    view.addEventListener("change", this.#turned);
  }

  #element;
  #definition;
  #view;
  #stream;
  #button;
  #wanted = false;
  #judgedAt = -Infinity;
  #openUntil = -Infinity;

  get folded() {
    return !this.line.hidden;
  }

  /** The panel is out of sight. */
  hold() {
    this.#wanted = false;
    if (!this.folded) this.#stream.hold();
  }

  release() {
    this.#wanted = true;
    this.#stream.release();
  }

  close() {
    this.#stream.removeEventListener("change", this.#heard);
    this.#view.removeEventListener("change", this.#turned);
    this.line.remove();
  }

  #heard = () => {
    const now = performance.now();
    if (now - this.#judgedAt < JUDGED_EVERY_MS || (!this.folded && now < this.#openUntil)) return;
    this.#judgedAt = now;
    this.#judge();
  };

  #judge() {
    const { store } = this.#stream;
    const still = this.#applies ? stillnessOf(store) : null;
    const flat = still !== null && store.newest - still.since >= STILL_MS;
    if (flat) setText(this.#button, stillWords(this.#definition.title, still, { now: store.newest, unit: layoutOf(store)?.unit ?? "" }));
    // Nothing moves away under a pointer, or from under the focus.
    if (flat === this.folded || this.#isUsed()) return;
    if (flat) this.#fold();
    else this.#open();
  }

  /** Of a longer past, or of a window that stands, more may be seen than the newest minutes tell. */
  get #applies() {
    const { range, frozen, panel } = this.#view;
    return frozen === null && range <= LIVE_S && panel !== this.#definition.id;
  }

  #isUsed() {
    return this.#element.closest(".section")?.matches(":hover, :focus-within") ?? false;
  }

  #turned = ({ detail }) => {
    if (!this.folded) return;
    if (!this.#applies) this.#open();
    else if (detail.has("interval")) this.#stream.update({ interval: SLOW_S });
  };

  #fold() {
    this.line.hidden = false;
    this.#element.classList.add("quiet");
    this.#stream.update({ interval: SLOW_S, windowS: LIVE_S });
  }

  #open() {
    this.line.hidden = true;
    this.#element.classList.remove("quiet");
    this.#stream.update({ interval: Math.max(this.#view.interval, this.#definition.interval ?? 0) });
    if (!this.#wanted) this.#stream.hold();
  }

  #opened() {
    this.#openUntil = performance.now() + OPEN_MS;
    this.#open();
    this.#element.focus();
  }
}
