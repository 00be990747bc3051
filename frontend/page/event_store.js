/** The events that are known, in order, and of which times all of them are known. */

import { eventOf, overlaps } from "../charts/model/events.js";

/** More are too many to show, and to hold: then the newest are held, and earlier ones not asked for any more. */
const HELD_MAX = 20_000;

/** @typedef {import("../charts/model/events.js").HostEvent} HostEvent @typedef {{from: number, to: number}} Span */

export class EventStore {
  /** @param {{heldMax?: number}} [options] */
  constructor({ heldMax = HELD_MAX } = {}) {
    this.#heldMax = heldMax;
  }

  #heldMax;
  /** @type {Map<string, HostEvent>} */ #byId = new Map();
  /** @type {HostEvent[]|null} in order */ #ordered = [];
  /** @type {Span[]} in order and apart */ #known = [];
  #floor = -Infinity;

  get length() {
    return this.#byId.size;
  }

  /** Before that time there are too many to be known, Unix ms; -Infinity where there is room. */
  get floor() {
    return this.#floor;
  }

  /** Takes in what the server told; one with a known id replaces it. @param {any[]} told @returns {boolean} whether anything is new */
  add(told) {
    let changed = false;
    for (const event of told.map(eventOf)) {
      if (!event || JSON.stringify(this.#byId.get(event.id)) === JSON.stringify(event)) continue;
      this.#byId.set(event.id, event);
      this.#ordered = null;
      changed = true;
    }
    if (this.#byId.size > this.#heldMax) this.#forgetOldest();
    return changed;
  }

  /** What is dropped would be dropped again: nobody is to ask for it. */
  #forgetOldest() {
    const all = this.#all();
    const dropped = all.slice(0, all.length - this.#heldMax);
    for (const { id } of dropped) this.#byId.delete(id);
    const since = (dropped.at(-1)?.time ?? -Infinity) + 1;
    this.#floor = Math.max(this.#floor, since);
    this.doubt(since);
    this.#ordered = null;
  }

  #all() {
    this.#ordered ??= [...this.#byId.values()].sort((a, b) => a.time - b.time || (a.id < b.id ? -1 : 1));
    return this.#ordered;
  }

  /** Those of which some was between these moments, oldest first. @param {number} from @param {number} to Unix ms */
  between(from, to) {
    return this.#all().filter((event) => overlaps(event, from, to));
  }

  /** All events of that time are known. @param {number} from @param {number} to */
  know(from, to) {
    if (!(to > from)) return;
    const joined = { from, to };
    const apart = this.#known.filter((span) => {
      if (span.to < from || span.from > to) return true;
      joined.from = Math.min(joined.from, span.from);
      joined.to = Math.max(joined.to, span.to);
      return false;
    });
    this.#known = [...apart, joined].sort((a, b) => a.from - b.from);
  }

  /** Not all events before that time are known. @param {number} time */
  doubt(time) {
    this.#known = this.#known.filter(({ to }) => to > time).map(({ from, to }) => ({ from: Math.max(from, time), to }));
  }

  /** The first part of a time that is not known; null where all is. @param {number} from @param {number} to @returns {Span|null} */
  missing(from, to) {
    from = Math.max(from, this.#floor);
    for (const span of this.#known) {
      if (span.to <= from) continue;
      if (from >= to) break;
      if (span.from > from) return { from, to: Math.min(to, span.from) };
      from = span.to;
    }
    return from < to ? { from, to } : null;
  }

  /** Another machine answers now. */
  forget() {
    this.#byId.clear();
    this.#known = [];
    this.#ordered = [];
    this.#floor = -Infinity;
  }
}
