/** What one stream knows: its series, their recent readings, where it stands, and where readings are missing. */

import { ServerClock } from "./clock.js";
import { fits } from "./fits.js";
import { seriesKey } from "./protocol.js";
import { Ring } from "./ring.js";
import { staleAfterS } from "./status.js";

const BREAKS_MAX = 200;
const ROWS_AT_FIRST = 128;
/** Names of lines that a panel had before are kept for its past. */
const LABELS_MAX = 1000;
/** A quarter of an hour at the finest rate, and no more whatever window and rate come together. */
const ROWS_MAX = 9002;
/** Readings so many intervals apart have others missing between them; sampling itself is a little late at times. */
const APART = 1.75;
/** What the server says of a gap; the rest is only known here. */
const TOLD = new Set(["slow", "sampler", "expired"]);

/**
 * @typedef {"slow"|"sampler"|"expired"|"paused"|"disconnected"|"clock"|"missing"} Why
 * @typedef {{from: number, to: number, why: Why, open?: boolean}} Break
 *   no readings between these two, Unix ms; open: no reading has come since
 */

/**
 * Frames follow each other by their offsets; their times are of a clock that may be set. In the ring times only rise:
 * where that clock was set back, what it had dated later goes, for it would hide the present.
 */
export class StreamStore {
  /**
   * @param {{windowS: number, intervalS?: number, columns?: number, clock?: ServerClock}} options
   *   windowS: how far back readings are kept; columns: a series' aggregates
   */
  constructor({ windowS, intervalS = 1, columns = 1, clock = new ServerClock() }) {
    this.#clock = clock;
    this.windowS = windowS;
    this.intervalS = intervalS;
    this.aggregates = columns;
    /** How often the server itself reads; 0 while that is unknown. */
    this.serverIntervalS = 0;
    /** @type {import("./protocol.js").Series[]} */ this.series = [];
    /** @type {string[]} */ this.keys = [];
    /** @type {import("./protocol.js").PanelHead|null} what the server says of a panel's columns */ this.panel = null;
    /** @type {Map<number, string>} what lines are called, by their ids: those that are gone, too */ this.labels = new Map();
    /** @type {Break[]} in order of time */ this.breaks = [];
    this.ticksMissed = 0;
    /** @type {import("./protocol.js").Position|null} for `since` */ this.position = null;
    /** How often the server's clock was set back. */
    this.setBacks = 0;
    this.#windowMaxS = windowS;
    this.#finestS = intervalS;
    this.#intervalBeforeS = intervalS;
    this.ring = new Ring(Math.min(ROWS_AT_FIRST, this.capacityMax), 0);
  }

  #clock;
  /** When the newest reading came, on the steady clock. */ #freshAt = NaN;
  /** When the server's clock jumped ahead, as it says since then. */ #jumpedTo = NaN;
  #windowMaxS;
  #finestS;
  /** What the newest row came by. */
  #intervalBeforeS;
  /** @type {Why|""} what is known of why the next row may be late */ #why = "";
  #epoch = "";
  /** Nothing of this epoch has come yet; and it knows no series: what is here of those before stays. */ #anew = false;
  #bare = false;
  /** @type {string|undefined} whose ticks these are, where the server has said so */ #source;
  #offset = NaN;
  /** The tick of the newest row, or one after it that has none. */ #rowOffset = NaN;
  /** The last tick of this epoch that is among those missed. */
  #countedTo = -Infinity;
  /** Of the newest snapshot: its first row's time, and the tick and time at its end. */
  #taken = { from: NaN, offset: NaN, time: NaN };

  /** The longest span of time that was ever asked of it. */
  get windowMaxS() {
    return this.#windowMaxS;
  }

  /** The most rows that this store ever keeps. */
  get capacityMax() {
    return Math.min(ROWS_MAX, Math.ceil(this.#windowMaxS / this.#finestS) + 2);
  }

  /** The time of the newest reading, Unix ms on the server's clock; NaN before the first. */
  get newest() {
    return this.ring.newest;
  }

  /** How long ago the newest reading came, whatever its time says; NaN before the first. */
  get ageS() {
    return (this.#clock.steady() - this.#freshAt) / 1000;
  }

  /** Whether readings are overdue. */
  get stale() {
    return this.ageS > staleAfterS(this.intervalS);
  }

  /** How far apart readings of the past may be: the server reads faster than its own pace only while it is asked to. */
  get spacingS() {
    return Math.max(this.intervalS, this.serverIntervalS);
  }

  /** An `ack` to `subscribe` or to an `update` that resumes: says how often readings come. */
  ack({ epoch, interval, source }) {
    this.#begin(epoch, source);
    if (!(interval > 0)) return;
    this.intervalS = interval;
    this.#finestS = Math.min(this.#finestS, interval);
  }

  /** Another epoch counts its ticks anew. */
  #begin(epoch, source) {
    this.#source = source ?? this.#source;
    if (!epoch || epoch === this.#epoch) return;
    this.#anew = this.#epoch !== "";
    this.#epoch = epoch;
    this.#countedTo = -Infinity;
    this.#rowOffset = NaN;
  }

  /** Keeps readings for so long from now on; what is there stays. @param {number} windowS */
  widen(windowS) {
    this.windowS = windowS;
    this.#windowMaxS = Math.max(this.#windowMaxS, windowS);
  }

  /**
   * A `snapshot`: takes the place of what was known for its times. Older readings stay, for they were true:
   * where the server replays what was missed they join without a seam, where it could not the hole shows.
   *
   * @param {{series: import("./protocol.js").Series[], times: number[], values: (number|null)[][], offset: number,
   *          time?: number, epoch?: string, source?: string}} message with a `PanelHead` where it is of a panel
   */
  snapshot({ times, values, offset, time, epoch = "", source, ...head }) {
    this.#begin(epoch, source);
    this.#arrange(head);
    // These are of the past, and the server need not have read anything of late.
    const freshAt = this.#clock.steadyAt(times.at(-1) ?? NaN);
    if (Number.isFinite(freshAt) && !(freshAt <= this.#freshAt)) this.#freshAt = freshAt;
    if (this.#bare) times = [];
    if (times.length) this.#cutAt(times[0]);
    this.#makeRoom(times.length);
    for (let row = Math.max(0, times.length - this.ring.capacity); row < times.length; row += 1) {
      this.#append(times[row], values.map((column) => column[row]));
    }
    this.#taken = { from: times[0] ?? NaN, offset, time: time ?? times.at(-1) ?? NaN };
    if (times.length) this.#rowOffset = offset;
    this.#moveTo(offset);
  }

  /**
   * A `data`: one more row, whole or as what changed since the row before: `changed` by column, or `values` of `columns`.
   *
   * @param {{time: number, offset: number, values?: any, changed?: Record<string, number|null>, columns?: number[]|null}} message
   */
  data({ time, offset, values, changed, columns = null }) {
    // A frame that was already answered by a snapshot says nothing new, and one of other columns nothing at all.
    if (offset <= this.#rowOffset || !(this.#bare || fits({ values, changed, columns }, this.ring.width))) return;
    if (!values) {
      values = this.ring.last();
      for (const [column, value] of Object.entries(changed ?? {})) values[Number(column)] = value;
    } else if (columns) {
      const row = this.ring.last();
      columns.forEach((column, i) => (row[column] = values[i]));
      values = row;
    }
    this.#freshAt = this.#clock.steady();
    this.#moveTo(offset);
    if (this.#bare) return;
    this.#append(time, values, this.#ticksTo(offset));
    this.#rowOffset = offset;
  }

  /** A `series`: columns came or went; those that stay keep their past. */
  arrange(head) {
    this.#arrange(head);
  }

  /** A `gap`: ticks that will not come, before the next row or, of a snapshot, among its rows. */
  gap({ from, to, why }) {
    // A past that comes anew tells its gaps once more.
    if (to > this.#countedTo) this.ticksMissed += to - Math.max(from, this.#countedTo + 1) + 1;
    this.#countedTo = Math.max(this.#countedTo, to);
    if (to <= this.#taken.offset && this.#offset === this.#taken.offset) this.#explain((from + to) / 2, why);
    else if (!TOLD.has(this.#why) || why === "slow") this.#why = why;
  }

  /** Readings are not expected from now on, and this is why. @param {"paused"|"disconnected"} why */
  interrupted(why) {
    if (this.ring.length && !this.#why) this.#why = why;
  }

  /** The break that goes on at `time`, as nothing has come for longer than readings are late. @returns {Break|null} */
  openBreak(time) {
    const { newest } = this;
    if (!(time - newest > staleAfterS(this.intervalS) * 1000)) return null;
    return { from: newest, to: time, why: this.#why || "missing", open: true };
  }

  /** What is known now, for a view that stands still while this goes on. */
  copy() {
    const { windowS, intervalS, aggregates: columns } = this;
    const copy = new StreamStore({ windowS, intervalS, columns, clock: this.#clock });
    const { serverIntervalS, series, keys, panel, ticksMissed, position, setBacks } = this;
    Object.assign(copy, { serverIntervalS, series, keys, panel, ticksMissed, position, setBacks });
    copy.labels = new Map(this.labels);
    copy.breaks = [...this.breaks];
    copy.ring = this.ring.copy();
    copy.#freshAt = this.#freshAt;
    copy.#why = this.#why;
    return copy;
  }

  /** Another host answers now: nothing of what was known is about it. */
  forget() {
    this.series = [];
    this.keys = [];
    this.panel = null;
    this.labels.clear();
    this.breaks = [];
    this.ticksMissed = 0;
    this.#countedTo = -Infinity;
    this.position = null;
    this.#why = "";
    this.#offset = this.#rowOffset = this.#freshAt = this.#jumpedTo = NaN;
    this.#taken = { from: NaN, offset: NaN, time: NaN };
    this.ring = new Ring(Math.min(ROWS_AT_FIRST, this.capacityMax), 0);
  }

  /** @param {number} [ticks] how many the server has made since the row before, NaN where that is not known */
  #append(time, values, ticks = NaN) {
    const back = time <= this.newest;
    if (back) this.#setBack(time);
    const broken = back || this.#isLate(time);
    const jumped = broken && (back || this.#isJump(time, ticks));
    if (jumped && !back) this.#jumpedTo = time;
    if (broken && this.ring.length) this.#note({ from: this.newest, to: time, why: jumped ? "clock" : this.#why || "missing" });
    this.#why = "";
    this.#intervalBeforeS = this.intervalS;
    this.#forgetBefore(time - 1000 * (this.#windowMaxS + 2 * this.spacingS));
    this.#makeRoom(1);
    this.ring.push(time, values, broken);
  }

  /** How many ticks there were from the newest row to this one; NaN where that is not known. */
  #ticksTo(offset) {
    const { offset: end, time } = this.#taken;
    return this.#rowOffset === end && time !== this.newest ? NaN : offset - this.#rowOffset;
  }

  /** The server's clock was set back to `time`: begins a new stretch there. */
  #setBack(time) {
    this.setBacks += 1;
    this.#jumpedTo = NaN;
    this.#cutAt(time);
  }

  /** Whether so few ticks, the server's slowest, cannot have taken so long: then its clock was set ahead. */
  #isJump(time, ticks) {
    const tickS = this.serverIntervalS || this.intervalS;
    return time - this.newest > 1000 * APART * Math.max(tickS * ticks, this.spacingS);
  }

  /** Whether readings are missing before this one: as the server said, or as their distance shows. */
  #isLate(time) {
    const apartS = (time - this.newest) / 1000;
    if (TOLD.has(this.#why) && apartS > APART * this.intervalS) return true;
    return apartS > APART * Math.max(this.spacingS, this.#intervalBeforeS);
  }

  #note(gap) {
    this.breaks.push(gap);
    if (this.breaks.length > BREAKS_MAX) this.breaks.shift();
  }

  #forgetBefore(time) {
    // A clock that has jumped ahead may come back: what was before stays until as much has come since.
    if (time < this.#jumpedTo) return;
    this.ring.forgetBefore(time);
    if (this.breaks.length && this.breaks[0].to < time) this.breaks = this.breaks.filter(({ to }) => to >= time);
  }

  /** Forgets all from `time` on: better is about to come. */
  #cutAt(time) {
    const kept = this.ring.firstAtOrAfter(time);
    if (kept === this.ring.length) return;
    this.ring = this.ring.head(kept);
    // What is left of a break has the reason of the whole.
    this.#why ||= this.breaks.find(({ from, to }) => from < time && to >= time)?.why ?? "";
    this.breaks = this.breaks.filter(({ to }) => to < time);
  }

  /** Grows by doubling, so that few pages pay for the longest window at the finest rate. */
  #makeRoom(rows) {
    const { length, capacity } = this.ring;
    const needed = Math.min(length + rows, this.capacityMax);
    if (needed > capacity) this.ring = this.ring.resized(Math.min(this.capacityMax, Math.max(needed, 2 * capacity)));
  }

  /** Says why readings of the snapshot are missing about that tick. Ticks vary in length: the nearest break is meant. */
  #explain(offset, why) {
    const { from, time: end, offset: endOffset } = this.#taken;
    const about = end - 1000 * (endOffset - offset) * (this.serverIntervalS || this.intervalS);
    const distance = (gap) => Math.abs((gap.from + gap.to) / 2 - about);
    const unexplained = this.breaks.filter((gap) => gap.to >= from && gap.to <= end && !TOLD.has(gap.why));
    if (unexplained.length) unexplained.reduce((a, b) => (distance(b) < distance(a) ? b : a)).why = why;
  }

  #moveTo(offset) {
    if (typeof offset !== "number") return;
    this.#offset = offset;
    if (this.#epoch) this.position = { epoch: this.#epoch, offset, ...(this.#source && { source: this.#source }) };
  }

  #describe(head) {
    if (typeof head.panel !== "string") return;
    this.panel = /** @type {any} */ (head);
    for (const { id, label } of head.lines) this.labels.set(id, label);
    while (this.labels.size > LABELS_MAX) this.labels.delete(/** @type {number} */ (this.labels.keys().next().value));
  }

  #arrange({ series, ...head }) {
    if ((this.#bare = this.#anew && !series.length && this.ring.length > 0)) return;
    this.#anew = false;
    this.#describe(head);
    const before = new Map(this.keys.map((key, i) => [key, i]));
    const same = series.length === this.keys.length && series.every((one, i) => seriesKey(one) === this.keys[i]);
    if (same) return;
    this.series = series;
    this.keys = series.map(seriesKey);
    const sources = this.keys.flatMap((key) => {
      const at = before.get(key);
      return Array.from({ length: this.aggregates }, (_, i) => (at === undefined ? -1 : at * this.aggregates + i));
    });
    this.ring = this.ring.rearranged(sources);
  }
}
