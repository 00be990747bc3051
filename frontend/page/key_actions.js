/** Does on a dashboard what a key or its help says. */

import { moved, zoomed } from "../charts/model/zoom.js";
import { COMPARISONS } from "./choices.js";

export class KeyActions {
  /**
   * @param {{dashboard: HTMLElement, view: import("./view.js").View, controls: any, help: any,
   *          kiosk: import("./kiosk.js").Kiosk, limits: () => import("../charts/model/zoom.js").Limits}} parts
   */
  constructor({ dashboard, view, controls, help, kiosk, limits }) {
    this.#dashboard = dashboard;
    this.#view = view;
    this.#controls = controls;
    this.#help = help;
    this.#kiosk = kiosk;
    this.#limits = limits;
  }

  #dashboard;
  #view;
  #controls;
  #help;
  #kiosk;
  #limits;

  /** @param {import("./keys.js").Binding} binding */
  act({ action, value = 0, panel = false }) {
    if (panel) this.#current()?.[action]();
    else this.#actions[action](value);
  }

  #actions = {
    range: (value) => this.#view.reach(value),
    faster: () => this.#controls.hasten(1),
    slower: () => this.#controls.hasten(-1),
    pick: () => this.#controls.pick(),
    zoom: (value) => this.#zoom(value),
    turn: (value) => this.#move((span) => span * value),
    first: () => this.#move(() => -Infinity),
    live: () => this.#view.live(),
    compare: () => this.#view.set({ compare: nextComparison(this.#view.compare) }),
    pause: () => this.#controls.pause(),
    leave: () => this.#leave(),
    moment: (value) => (this.#current() ?? this.#panels()[0])?.step(value),
    step: (value) => this.#step(value),
    filter: () => /** @type {any} */ (this.#dashboard.querySelector("vital-processes"))?.focusFilter(),
    theme: () => this.#controls.nextTheme(),
    help: () => this.#help.toggle(),
  };

  /** @returns {any[]} those that are there to be seen */
  #panels() {
    return [...this.#dashboard.querySelectorAll("vital-panel")].filter((panel) => panel.checkVisibility());
  }

  /** The panel that is meant: the large one, else the one under the pointer, else the one with the focus. */
  #current() {
    const { activeElement } = document;
    return /** @type {any} */ (
      this.#dashboard.querySelector("vital-panel.full") ??
        this.#dashboard.querySelector("vital-panel:hover") ??
        activeElement?.closest("vital-panel")
    );
  }

  /** About the moment that was chosen, else about the present, else about the middle. */
  #zoom(factor) {
    const limits = this.#limits();
    const { from, to, live } = this.#view.window(limits.now);
    const { at } = this.#view;
    const about = at !== null && at >= from && at <= to ? at : live ? to : (from + to) / 2;
    this.#view.showWindow(zoomed({ from, to }, about, factor, limits), limits);
  }

  /** @param {(spanMs: number) => number} by how far, in milliseconds */
  #move(by) {
    const limits = this.#limits();
    const { from, to } = this.#view.window(limits.now);
    const most = Number.isNaN(limits.earliest) ? from : Math.max(0, from - limits.earliest);
    this.#view.showWindow(moved({ from, to }, Math.max(-most, by(to - from)), limits), limits);
  }

  #step(by) {
    const panels = this.#panels();
    // Where the reader is going, not where the pointer was left.
    const at = panels.indexOf(document.activeElement?.closest("vital-panel") ?? this.#current());
    const next = at < 0 ? (by > 0 ? 0 : panels.length - 1) : at + by;
    panels[Math.max(0, Math.min(panels.length - 1, next))]?.focus();
  }

  /** One thing at a time, the uppermost first. */
  #leave() {
    const { at, panel, frozen, kiosk } = this.#view;
    if (kiosk) this.#kiosk.escape();
    else if (this.#current()?.showAll()) return;
    else if (panel !== null) this.#view.set({ panel: null });
    else if (at !== null) this.#view.set({ at: null, hover: null });
    else if (frozen) this.#view.set({ frozen: null, hover: null });
  }
}

/** None, an hour, a day, a week, none. @param {number} compare seconds */
function nextComparison(compare) {
  const all = [0, ...Object.values(COMPARISONS)];
  return all[(all.indexOf(compare) + 1) % all.length];
}
