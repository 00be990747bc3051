/** The parts of a dashboard that decide what time it shows: its controls, the picker, and what is said of dead links. */

import { h } from "../dom/html.js";
import { BeyondKept } from "./beyond_kept.js";
import { keepInSight } from "./chosen_moment.js";

export class TimeParts {
  /** @param {{dashboard: HTMLElement, view: import("./view.js").View, clock: {now: () => number}, past: import("./past.js").Past}} parts */
  constructor({ dashboard, view, clock, past }) {
    this.#dashboard = dashboard;
    this.#view = view;
    this.#past = past;
    this.#beyond = new BeyondKept({ view, past });
    this.notice = this.#beyond.element;
    this.controls = /** @type {any} */ (Object.assign(h("vital-controls"), { view, clock, edge: () => this.#edge }));
    this.picker = /** @type {any} */ (Object.assign(h("vital-picker"), { view, clock }));
    this.controls.addEventListener("pick", () => this.picker.toggle());
  }

  #dashboard;
  #view;
  #past;
  #beyond;
  /** @type {() => void} */ #stopKeeping = () => {};

  start() {
    this.#dashboard.addEventListener("since", this.#learnt);
    this.#beyond.start();
    this.#stopKeeping = keepInSight({ view: this.#view, clock: this.#past });
  }

  stop() {
    this.#stopKeeping();
    this.#beyond.stop();
    this.#dashboard.removeEventListener("since", this.#learnt);
  }

  /** The strip of the whole past knows it first. */
  #learnt = (event) => this.#past.learn(event.detail);

  /** How far there is anything to see. @returns {import("../charts/model/zoom.js").Limits} */
  get limits() {
    return { earliest: this.#past.reaches, now: this.#past.now() };
  }

  /** Where the charts end while live: the newest of all. */
  get #edge() {
    const ends = [...this.#dashboard.querySelectorAll("vital-plot")].map((plot) => /** @type {any} */ (plot).window?.to);
    const known = ends.filter(Number.isFinite);
    return known.length ? Math.max(...known) : this.#past.now();
  }
}
