/** What the reader looks at, as one state that fits into an address: the same link shows the same to a colleague. */

import { COMPARISONS, GROUPS, INTERVALS, LIVE_S, RANGES, THEMES } from "./choices.js";

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
  kiosk: false,
});

/** `rate` is what `interval` was called before. */
const KEYS_OF_ADDRESS = Object.freeze(["range", "interval", "rate", "from", "to", "at", "compare", "panel", "theme", "sort", "filter", "group", "kiosk"]);
const SLUG = /^[a-z][a-z0-9-]*$/;
const SORT = /^-?[a-z][a-z0-9_]{0,31}$/;
const FILTER_MAX = 100;
/** The last moment that a Date can tell. */
const TIME_MAX = 8.64e15;

/**
 * Event: `change`, whose `detail` is the Set of the keys that changed. Setting what is set already tells nothing.
 *
 * range: seconds; interval: seconds; frozen: the window of a page that is paused or zoomed, null while live; at: the
 * moment that was chosen, Unix ms, which numbers, processes and events are of, null for the newest; compare: how many
 * seconds ago the past is that is drawn beside it, 0 for none; panel: the id of the one at full size; group: one of GROUPS;
 * kiosk: nothing but the readings; hover: the moment pointed at, Unix ms (it is in no address).
 */
export class View extends EventTarget {
  /** @param {Partial<typeof DEFAULTS>} [values] */
  constructor(values = {}) {
    super();
    const { range, interval, frozen, at, compare, panel, theme, sort, filter, group, kiosk } = { ...DEFAULTS, ...values };
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
    this.kiosk = kiosk;
    /** @type {number|null} */ this.hover = null;
  }

  /** The moment whose numbers are shown: the one pointed at, else the one chosen; null for the newest. */
  get moment() {
    return this.hover ?? this.at;
  }

  /** Whether the frozen window is one whole range, as it was when the reader paused, and no part picked from it. */
  get paused() {
    return this.frozen !== null && this.frozen.to - this.frozen.from === this.range * 1000;
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
    this.set({ frozen: { from: now - this.range * 1000, to: now } });
  }

  /** Back to now. */
  live() {
    this.set({ frozen: null, at: null });
  }

  /** Another range; frozen charts then show that range up to the same moment. @param {number} range seconds */
  reach(range) {
    const frozen = this.frozen && { from: this.frozen.to - range * 1000, to: this.frozen.to };
    this.set({ range, frozen });
  }

  /** What the charts show. @param {number} now Unix ms @returns {Window & {live: boolean}} */
  window(now) {
    if (this.frozen) return { ...this.frozen, live: false };
    return { from: now - this.range * 1000, to: now, live: true };
  }

  /** Reads an address; whatever is unknown or cannot be becomes the default. @param {string} search with or without `?` */
  static parse(search) {
    const given = new URLSearchParams(search);
    const text = (key) => given.get(key) ?? "";
    const interval = Number(text("interval") || text("rate") || NaN);
    return new View({
      range: Object.hasOwn(RANGES, text("range")) ? RANGES[text("range")] : DEFAULTS.range,
      interval: INTERVALS.includes(interval) ? interval : DEFAULTS.interval,
      frozen: windowOf(text("from"), text("to")),
      at: timeOf(text("at")),
      compare: Object.hasOwn(COMPARISONS, text("compare")) ? COMPARISONS[text("compare")] : DEFAULTS.compare,
      panel: SLUG.test(text("panel")) ? text("panel") : DEFAULTS.panel,
      theme: THEMES.includes(text("theme")) ? text("theme") : DEFAULTS.theme,
      sort: SORT.test(text("sort")) ? text("sort") : DEFAULTS.sort,
      // By characters: half of one is no text, and no server would read a message with it.
      filter: [...text("filter")].slice(0, FILTER_MAX).join(""),
      group: GROUPS.includes(text("group")) ? text("group") : DEFAULTS.group,
      kiosk: ["", "1", "true"].includes(given.get("kiosk") ?? "no"),
    });
  }

  /**
   * The address of this view: `?…`, or nothing where all is as usual. What others put into `search` stays there.
   *
   * @param {string} [search] the present one
   */
  toSearch(search = "") {
    const query = new URLSearchParams(search);
    for (const key of KEYS_OF_ADDRESS) query.delete(key);
    const { range, interval, frozen, at, compare, panel, theme, sort, filter, group, kiosk } = this;
    const put = (key, value, usual) => value !== usual && query.set(key, String(value));
    put("range", wordsOf(RANGES, range), "5m");
    put("interval", interval, DEFAULTS.interval);
    if (frozen) {
      query.set("from", String(Math.round(frozen.from)));
      query.set("to", String(Math.round(frozen.to)));
    }
    if (at !== null) query.set("at", String(Math.round(at)));
    put("compare", wordsOf(COMPARISONS, compare), undefined);
    put("panel", panel, DEFAULTS.panel);
    put("theme", theme, DEFAULTS.theme);
    put("sort", sort, DEFAULTS.sort);
    put("filter", filter, DEFAULTS.filter);
    put("group", group, DEFAULTS.group);
    if (kiosk) query.set("kiosk", "");
    const words = query.toString().replace(/(^|&)kiosk=(?=&|$)/, "$1kiosk");
    return words && `?${words}`;
  }
}

const wordsOf = (spans, seconds) => Object.keys(spans).find((words) => spans[words] === seconds);

/** @returns {Window|null} */
function windowOf(from, to) {
  const span = { from: timeOf(from) ?? NaN, to: timeOf(to) ?? NaN };
  return span.from < span.to ? span : null;
}

/** @returns {number|null} Unix ms */
function timeOf(text) {
  return /^\d{1,16}$/.test(text) && Number(text) <= TIME_MAX ? Number(text) : null;
}

function same(a, b) {
  if (a === b) return true;
  return typeof a === "object" && typeof b === "object" && a !== null && b !== null && a.from === b.from && a.to === b.to;
}

export { COMPARISONS, GROUPS, INTERVALS, LIVE_S, RANGES, THEMES };
