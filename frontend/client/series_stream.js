/** A stream of series, or of a panel: its values are kept in `store`, and told tick by tick. */

import * as protocol from "./protocol.js";
import { StreamStore } from "./store.js";
import { Stream } from "./stream.js";
import { Layout } from "./ticks.js";

/** A past shorter than this is not asked for in parts any more. */
const BACKFILL_LEAST_S = 10;
/** Ticks so many intervals apart have others missing between them. */
const APART = 1.75;

/**
 * Iterates over ticks as programs read them: see `Tick`. Event, besides those of all streams: `series` when columns came
 * or went.
 */
export class SeriesStream extends Stream {
  /**
   * @param {string} name @param {protocol.SeriesRequest} request
   * @param {{windowS: number, clock: import("./clock.js").ServerClock, held?: boolean}} options windowS: how far back
   *   values are kept
   */
  constructor(name, request, { windowS, clock, held }) {
    super(name, { held });
    this.request = request;
    this.store = new StreamStore({
      windowS,
      intervalS: request.interval ?? 1,
      columns: request.aggregate?.length || 1,
      clock,
    });
  }

  /** Counts how often the past was wanted anew, and which of these the server has answered. */
  #pastsWanted = 0;
  #pastsGiven = 0;
  /** The newest tick that was told: its time, its number and whose number that is. */
  #told = { time: -Infinity, offset: -Infinity, epoch: "" };
  /** Whether the next snapshot is just what was missed. */ #recovered = false;
  /** @type {Layout|null} of the ticks that are told */ #layout = null;
  /** @type {protocol.Position|null} */ #read = null;

  /** @returns {protocol.Series[]} one a column */
  get series() {
    return this.store.series;
  }

  /**
   * Asks for values at another pace, of another past or range. A faster pace and a longer past bring the past anew.
   *
   * @param {{interval?: number, windowS?: number, range?: number}} changes in seconds; range: of a panel, which decides
   *   about its lines
   */
  update({ interval, windowS, range }) {
    if (windowS !== undefined) this.session?.widen(this, windowS);
    if (range !== undefined) this.session?.range(this, range);
    if (interval !== undefined) this.session?.retune(this, { interval });
  }

  wantPast() {
    this.#pastsWanted += 1;
  }

  /** Whether the past is wanted anew, with what comes next. */
  get wantsPast() {
    return this.#pastsWanted > this.#pastsGiven;
  }

  get ticket() {
    return this.#pastsWanted;
  }

  get asks() {
    return `${this.request.interval} ${this.request.range} ${this.ticket}`;
  }

  /** The last tick that a loop was given, to go on from at another time with `since`; null before the first. */
  get position() {
    return this.#read;
  }

  /** From where the server is to go on; not said where more than what was missed is wanted. */
  get #since() {
    return this.wantsPast ? null : (this.store.position ?? this.request.since);
  }

  command(id) {
    return protocol.subscribe(id, this.name, { ...this.request, since: this.#since });
  }

  resumption(id) {
    const { interval, backfill, range } = this.request;
    return protocol.update(id, this.name, { interval, range, paused: false, since: this.#since, backfill });
  }

  askLess() {
    const { backfill = 0 } = this.request;
    if (backfill === 0) return false;
    // All that was missed may be just as much.
    this.wantPast();
    this.request = { ...this.request, backfill: backfill < BACKFILL_LEAST_S ? 0 : Math.floor(backfill / 2) };
    return true;
  }

  introduce({ intervalS, shortestS }) {
    this.store.serverIntervalS = intervalS;
    if (/** @type {number} */ (this.request.interval) < shortestS) this.request = { ...this.request, interval: shortestS };
  }

  take(message) {
    const { store } = this;
    const series = store.series;
    const empty = store.ring.length > 0 && !series.length;
    if (message.type === "snapshot") store.snapshot(message);
    else if (message.type === "data") store.data(message);
    else if (message.type === "series") store.arrange(message);
    else if (message.type === "gap") store.gap(message);
    else return false;
    if (store.series !== series) this.dispatchEvent(new Event("series"));
    // A server that has just begun knows no programs yet, and sends nothing of their past with the first of them.
    if (empty && store.series.length && this.request.panel) this.session?.regain(this);
    if (this.awaited) this.#report(message);
    return message.type !== "gap";
  }

  #report(message) {
    if (message.type === "gap") this.miss(message);
    if (message.type === "snapshot") this.#reportPast(message);
    if (message.type === "data") this.#reportTick(message);
  }

  /** What a snapshot holds anew. Of one whose clock was set back all is new. */
  #reportPast({ times, values, offset, offsets }) {
    // A server that has just begun knows no series yet.
    if (!values.length && this.series.length) return;
    const all = this.#recovered || times.at(-1) < this.#told.time;
    const first = all ? 0 : times.findIndex((time) => time > this.#told.time);
    const count = first < 0 ? 0 : times.length - first;
    this.#recovered = false;
    if (count) this.#begin(times[first]);
    const { position } = this.store;
    const offsetOf = (row) => offsets?.[first + row] ?? (row === count - 1 ? offset : null);
    const valueOf = (row) => (column) => values[column]?.[first + row];
    this.#pass({ count, position, timeOf: (row) => times[first + row], offsetOf, valueOf });
    this.#told = { time: times.at(-1) ?? this.#told.time, offset, epoch: position?.epoch ?? "" };
  }

  #reportTick({ time, offset }) {
    const { ring, newest, position } = this.store;
    const epoch = position?.epoch ?? "";
    // What is told already, and what could not be placed: values of series that are not known.
    if (newest !== time || (epoch === this.#told.epoch && offset <= this.#told.offset)) return;
    this.#begin(time);
    const values = ring.last();
    const known = (column) => (Number.isNaN(values[column]) ? null : values[column]);
    this.#pass({ count: 1, position, timeOf: () => time, offsetOf: () => offset, valueOf: () => known });
    this.#told = { time, offset, epoch };
  }

  /** A server that has begun anew has lost what it had, unless its history brought that. @param {number} time of what comes first */
  #begin(time) {
    const before = this.#told;
    const epoch = this.store.position?.epoch ?? "";
    const sinceS = (time - before.time) / 1000;
    const joins = sinceS > 0 && sinceS <= APART * this.store.spacingS;
    if (before.epoch && before.epoch !== epoch && !joins) this.miss({ from: null, to: null, why: "restarted" });
  }

  /** @param {{count: number, position: protocol.Position|null, timeOf: (row: number) => number, offsetOf: (row: number) => number|null, valueOf: (row: number) => (column: number) => any}} rows */
  #pass({ count, position, timeOf, offsetOf, valueOf }) {
    const layout = this.#laidOut();
    const make = (row, gap) => {
      const offset = offsetOf(row);
      if (position && offset !== null) this.#read = { ...position, offset };
      return layout.tick({ time: timeOf(row), offset, valueOf: valueOf(row), gap });
    };
    this.pass({ count, make, offsetOf });
  }

  #laidOut() {
    const { series, panel } = this.store;
    if (this.#layout?.of(series, panel)) return this.#layout;
    return (this.#layout = new Layout(series, panel, this.request.aggregate));
  }

  acknowledge(message, ticket) {
    this.#pastsGiven = Math.max(this.#pastsGiven, ticket);
    this.#recovered = message.recovered === true;
    this.store.ack(message);
  }

  interrupted(why) {
    this.store.interrupted(why);
  }

  forget() {
    this.store.forget();
    this.#told = { time: -Infinity, offset: -Infinity, epoch: "" };
  }

  get newest() {
    return this.store.newest;
  }

  get ageS() {
    return this.store.ageS;
  }

  get stale() {
    return this.store.stale;
  }
}
