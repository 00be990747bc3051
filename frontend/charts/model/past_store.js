/** A window of the past as a stream's store: what was answered, and the live rows after it, as one. */

import { Ring } from "../../client/ring.js";
import { PastTail } from "./past_tail.js";

/** Rows that may come before it is put together anew. */
const ROOM = 1000;
const WHY = Object.freeze(["", "unrecorded", "clock"]);
const NO_PIECES = Object.freeze([]);

/**
 * Shaped as `StreamStore` is, for whoever draws. Its columns are as many as its `series`; where rows stand for steps,
 * `bands` says in which further columns their least and greatest are. `follow` takes in what has come live since.
 */
export class PastStore {
  /**
   * @param {{pieces: import("./past_held.js").Piece[], live: import("../../client/store.js").StreamStore, stepMs: number,
   *          liveTo: number, whole?: boolean}} parts whole: what is not in a row counts as nothing; stepMs: of the rows that are made of live ones; liveTo: no live row after it, Unix ms
   */
  constructor({ pieces = NO_PIECES, live, stepMs, liveTo, whole = false }) {
    const leading = pieces.at(-1)?.answer;
    const head = leading ? leading.head : { ...live.panel, series: live.series };
    this.series = head.series;
    this.keys = leading ? leading.keys : live.keys;
    this.panel = leading || live.panel ? head : null;
    this.labels = new Map([...live.labels, ...(this.panel?.lines ?? []).map(({ id, label }) => /** @type {[number, string]} */ ([id, label]))]);
    /** @type {import("../../client/store.js").Break[]} */ this.breaks = [];
    this.position = live.position ?? { epoch: "", offset: 0 };
    this.intervalS = stepMs / 1000;
    this.serverIntervalS = live.serverIntervalS;
    this.windowS = live.windowS;
    this.aggregates = 1;
    this.setBacks = 0;
    this.ticksMissed = 0;
    this.stepMs = stepMs;
    this.pieces = pieces;
    this.#live = live;
    this.#whole = whole;
    this.#liveTo = liveTo;
    this.#build();
  }

  /** @type {Map<number, {low: number, high: number}>} */ bands = new Map();
  /** @type {Ring} */ ring;
  #live;
  #whole;
  #liveTo;
  /** @type {PastTail|null} null where rows are single samples */ #tail = null;
  /** @type {Ring|null} the live one that was read, and how many of its rows */ #liveRing = null;
  #liveRows = 0;
  /** What was answered reaches so far. */ #answeredTo = -Infinity;
  /** @type {number[]} */ #liveColumns = [];
  /** @type {string[]} */ #liveKeys = [];

  get newest() {
    return this.ring.newest;
  }

  get spacingS() {
    return this.intervalS;
  }

  /** How long the step is that holds a moment, in ms. @param {number} time Unix ms */
  stepAt(time) {
    const found = this.pieces.find(({ from, to }) => time > from && time <= to);
    return found ? found.answer.stepAt(time) : this.stepMs;
  }

  openBreak(time) {
    return this.#liveTo === Infinity ? this.#live.openBreak(time) : null;
  }

  copy() {
    return this;
  }

  /** Whether it shows lines whose newest values do not come with the live ones. */
  get lacking() {
    const columns = this.#liveColumns;
    return (this.panel?.lines ?? []).some(({ column }) => columns[column] < 0);
  }

  /** The newest live values, one a column: what the newest step has seen so far is no number of now. */
  get present() {
    const { ring } = this.#live;
    const present = new Ring(1, this.keys.length);
    const valueOf = (column, i) => (column < 0 ? this.ring.value(i, this.ring.length - 1) : ring.value(column, ring.length - 1));
    if (ring.length && this.ring.length) present.push(ring.newest, this.#liveColumns.map(valueOf));
    return present;
  }

  /** Takes in the live rows that are new. @returns {boolean} whether that is possible: if not, it is to be made anew */
  follow() {
    const { ring, keys } = this.#live;
    if (ring !== this.#liveRing || keys !== this.#liveKeys || this.ring.length > this.ring.capacity - 2) return false;
    this.#takeLive();
    return true;
  }

  #build() {
    const { pieces, series } = this;
    const ranged = pieces.some(({ answer }) => answer.aggregates > 1) || this.#coarse;
    const width = series.length;
    const rows = pieces.reduce((sum, { answer }) => sum + answer.length, 0);
    this.ring = new Ring(Math.max(1, rows + ROOM), ranged ? 3 * width : width);
    if (ranged) {
      for (let i = 0; i < width; i += 1) this.bands.set(i, { low: width + i, high: 2 * width + i });
      this.#tail = new PastTail(this.ring, series.map(({ name }) => name), this.stepMs, this.#whole);
    }
    pieces.forEach((piece, i) => this.#append(piece, { first: i === 0, last: i === pieces.length - 1 }));
    this.#arrangeLive();
    this.#takeLive();
  }

  /** Whether a step is made of several live rows. */
  get #coarse() {
    return this.stepMs > 1500 * this.#live.intervalS;
  }

  /**
   * @param {import("./past_held.js").Piece} piece
   * @param {{first: boolean, last: boolean}} place of all pieces: lines go on to both edges, from the step before the first
   *   one, and to the end within the last one
   */
  #append({ answer, from, to }, { first, last }) {
    const columns = this.keys.map((key) => answer.index.get(key) ?? -1);
    const { aggregates } = answer;
    const width = columns.length;
    const parts = this.#tail ? 3 : 1;
    const values = new Float64Array(parts * width);
    const valueOf = (row, i, part) => (columns[i] < 0 ? NaN : answer.columns[columns[i] * aggregates + (aggregates > 1 ? part : 0)][row]);
    const end = to < answer.to ? answer.after(to) + Number(last && this.#tail !== null && answer.begun(to)) : answer.length;
    for (let row = Math.max(0, answer.after(from) - Number(first)); row < end; row += 1) {
      const [time, step] = [answer.times[row], answer.steps[row]];
      if (!(Math.min(time, to) > this.ring.newest) && this.ring.length) continue;
      const why = this.ring.length ? this.#whyHole(answer, row, time - step) : "";
      if (why) this.#note({ from: this.ring.newest, to: time > to ? to : time, why });
      if (time > to && this.#tail) {
        // A step that was not over yet when it was asked for grows by what has come since.
        this.#tail.add(to, (i, part) => valueOf(row, i, part), { weight: Math.max(1, to - (time - step)), end: time, broken: why !== "" });
        break;
      }
      for (let part = 0; part < parts; part += 1) for (let i = 0; i < width; i += 1) values[part * width + i] = valueOf(row, i, part);
      this.ring.push(time, values, why !== "");
    }
    this.#answeredTo = to;
  }

  /** Why there is nothing between the newest row and this one; within an answer it knows, between two the distance tells. */
  #whyHole(answer, row, begins) {
    if (answer.holes[row] && answer.times[row - 1] <= this.ring.newest) return WHY[answer.holes[row]];
    return begins - this.ring.newest > 0.75 * Math.max(answer.steps[row], this.stepMs) ? WHY[1] : "";
  }

  #note(gap) {
    this.breaks.push(gap);
  }

  #arrangeLive() {
    const at = new Map(this.#live.keys.map((key, i) => [key, i]));
    this.#liveKeys = this.#live.keys;
    this.#liveRing = this.#live.ring;
    this.#liveColumns = this.keys.map((key) => at.get(key) ?? -1);
    this.#liveRows = 0;
  }

  #takeLive() {
    const { ring, intervalS, breaks } = this.#live;
    const first = ring.first + ring.firstAtOrAfter(this.#answeredTo + 0.5);
    const columns = this.#liveColumns;
    const weight = intervalS * 1000;
    for (let row = Math.max(0, Math.max(this.#liveRows, first) - ring.first); row < ring.length; row += 1) {
      const time = ring.time(row);
      if (time > this.#liveTo || this.ring.length >= this.ring.capacity - 1) break;
      this.#liveRows = ring.first + row + 1;
      if (!(time > this.ring.newest) && this.ring.length) continue;
      const broken = this.ring.length > 0 && (row > 0 ? ring.broken(row) : time - this.ring.newest > 2 * this.stepMs);
      if (broken) this.#note(breaks.find((gap) => gap.to === time) ?? { from: this.ring.newest, to: time, why: "unrecorded" });
      const valueOf = (i) => (columns[i] < 0 ? NaN : ring.value(columns[i], row));
      if (this.#tail) this.#tail.add(time, valueOf, { weight, broken });
      else this.ring.push(time, columns.map((_, i) => valueOf(i)), broken);
    }
  }
}
