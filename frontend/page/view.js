/** What the reader looks at, as one state that fits into an address (view_address.js): the same link shows the same to a colleague. */

import { endsNow, windowAround } from "../charts/model/zoom.js";
import { COMPARISONS, GROUPS, INTERVALS, LIVE_S, RANGES, THEMES, rangeNear } from "./choices.js";

/** @typedef {{from: number, to: number}} Window Unix ms on the server's clock */

export const DEFAULTS = Object.freeze({
  range: RANGES["5m"],
  interval: 1,
  /** @type {Window|null} */ frozen: null,
  /** @type {number|null} */ at: null,
  compare: 0,
  /** @type {string|null} */ panel: null,
  theme: "system",
  sort: "cpu",
  filter: "",
  group: "",
  show: "",
  kiosk: false,
});

/**
 * Event: `change`, whose `detail` is the Set of the keys that changed. Setting what is set already tells nothing.
 *
 * range: seconds; interval: seconds; frozen: the window of a page that is paused or zoomed, null while live; at: the
 * moment that was chosen, Unix ms, which numbers, processes and events are of, null for the newest; compare: how many
 * seconds ago the past is that is drawn beside it, 0 for none; panel: the id of the one at full size; group: one of GROUPS;
 * show: the ids of panels, divided by commas, that are shown where others are at first;
 * kiosk: nothing but the readings; hover: the moment pointed at, Unix ms (it is in no address).
 */
export class View extends EventTarget {
  /** @param {Partial<typeof DEFAULTS>} [values] */
  constructor(values = {}) {
    super();
    const { range, interval, frozen, at, compare, panel, theme, sort, filter, group, show, kiosk } = { ...DEFAULTS, ...values };
    this.range = range;
    this.interval = interval;
    this.frozen = frozen;
    this.at = at;
    this.compare = compare;
    this.panel = panel;
    this.theme = theme;
    this.sort = sort;
    this.filter = filter;
    this.group = group;
    this.show = show;
    this.kiosk = kiosk;
    /** @type {number|null} */ this.hover = null;
    /** @type {string[]} what its address said that cannot be, in sentences */ this.problems = [];
  }

  /** @type {Window|null} the window in which the reader paused last */ #pause = null;

  /** The moment whose numbers are shown: the one pointed at, else the one chosen; null for the newest. */
  get moment() {
    return this.hover ?? this.at;
  }

  /** Whether the charts stand still where the reader paused, and show no window that was chosen. */
  get paused() {
    return this.frozen !== null && this.frozen === this.#pause;
  }

  /** @param {Partial<typeof DEFAULTS & {hover: number|null}>} changes */
  set(changes) {
    const changed = new Set();
    for (const [key, value] of Object.entries(changes)) {
      if (!(key in DEFAULTS) && key !== "hover") throw new TypeError(`a view has no ${key}`);
      if (same(this[key], value)) continue;
      this[key] = value;
      changed.add(key);
    }
    if (changed.size) this.dispatchEvent(new CustomEvent("change", { detail: changed }));
  }

  /** Freezes the charts as they stand at `now`. @param {number} now Unix ms */
  pause(now) {
    this.#pause = { from: now - this.range * 1000, to: now };
    this.set({ frozen: this.#pause });
  }

  /** Back to now. */
  live() {
    this.set({ frozen: null, at: null });
  }

  /** Another range; frozen charts then show that range up to the same moment. @param {number} range seconds */
  reach(range) {
    const frozen = this.frozen && { from: this.frozen.to - range * 1000, to: this.frozen.to };
    if (this.paused) this.#pause = frozen;
    const lost = frozen && this.at !== null && this.at < frozen.from;
    this.set({ range, frozen: lost ? windowAround(/** @type {number} */ (this.at), range * 1000, frozen.to) : frozen });
  }

  /** Shows a window; one that ends with the present goes on with it. @param {Window} shown @param {import("../charts/model/zoom.js").Limits} limits */
  showWindow({ from, to }, limits) {
    if (endsNow({ from, to }, limits)) this.set({ frozen: null, range: rangeNear((to - from) / 1000) });
    else this.set({ frozen: { from: Math.round(from), to: Math.round(to) } });
  }

  /** What the charts show. @param {number} now Unix ms @returns {Window & {live: boolean}} */
  window(now) {
    if (this.frozen) return { ...this.frozen, live: false };
    return { from: now - this.range * 1000, to: now, live: true };
  }
}

function same(a, b) {
  if (a === b) return true;
  return typeof a === "object" && typeof b === "object" && a !== null && b !== null && a.from === b.from && a.to === b.to;
}

export { COMPARISONS, GROUPS, INTERVALS, LIVE_S, RANGES, THEMES };
