/** Tells those who read a stream in a loop of its ticks: each once, in order, and what is missing before which. */

import { Layout } from "./ticks.js";

/** @typedef {import("./protocol.js").Position} Position */
/**
 * @typedef {{type: "snapshot", offset: number, time?: number, times: number[], values: (number|null)[][], offsets?: (number|null)[],
 *            gaps?: [number, number][]}} Past
 *   offsets and gaps, first and last ticks, where the server says them: of what goes on with something, or has holes
 * @typedef {{count: number, timeOf: (row: number) => number, offsetOf: (row: number) => number|null,
 *            valueOf: (row: number) => (column: number) => any, positionOf: (row: number) => Position|null}} Rows
 */

/** Rows `from` to before `to` of these. @param {Rows} rows @param {number} from @param {number} to @returns {Rows} */
function part({ timeOf, offsetOf, valueOf, positionOf }, from, to) {
  const at = (of) => (row) => of(from + row);
  return { count: to - from, timeOf: at(timeOf), offsetOf: at(offsetOf), valueOf: at(valueOf), positionOf: at(positionOf) };
}

/** What comes is in the store already; a tick is made of it when it is read. */
export class TickTeller {
  /**
   * @param {{store: import("./store.js").StreamStore, asked?: import("./ticks.js").Asked, pass: (part: import("./waiting.js").Part<any>) => void,
   *          miss: (gap: import("./waiting.js").Gap) => void}} parts
   */
  constructor({ store, asked, pass, miss }) {
    this.#store = store;
    this.#asked = asked;
    this.#pass = pass;
    this.#miss = miss;
  }

  #store;
  #asked;
  #pass;
  #miss;
  /** Whether the next snapshot is just what was missed. */ recovered = false;
  /** @type {Position|null} the last tick that a loop was given */ position = null;
  /** The newest tick that was told: its time, its number and whose number that is. */ #told = { time: -Infinity, offset: -Infinity, epoch: "" };
  /** Up to there a snapshot has said itself what is missing. */ #gapsTold = -Infinity;
  /** @type {Layout|null} */ #layout = null;

  /** @param {any} message */
  tell(message) {
    if (message.type === "gap" && message.to > this.#gapsTold) this.#miss(message);
    if (message.type === "snapshot") this.#tellPast(message);
    if (message.type === "data") this.#tellTick(message);
  }

  /** Another source answers now. */
  forget() {
    this.#told = { time: -Infinity, offset: -Infinity, epoch: "" };
    this.#gapsTold = -Infinity;
  }

  get #epoch() {
    return this.#store.position?.epoch ?? "";
  }

  /** What a snapshot holds anew. Of one whose clock was set back all is new. @param {Past} past */
  #tellPast({ times, values, offset, time: end, offsets, gaps }) {
    const { recovered } = this;
    this.recovered = false;
    this.#gapsTold = gaps ? offset : -Infinity;
    // A server that has just begun knows no series yet.
    if (!values.length && this.#store.series.length) return;
    const all = recovered || (times.at(-1) ?? NaN) < this.#told.time;
    const first = all ? 0 : times.findIndex((time) => time > this.#told.time);
    const { position } = this.#store;
    const isNewest = (row) => row === times.length - 1;
    // Unless it says so, the last interval ended with the snapshot's own tick only where their times agree.
    const isOwn = (row) => isNewest(row) && (end === undefined || times[row] === end);
    const rows = {
      count: times.length,
      timeOf: (row) => times[row],
      offsetOf: (row) => (offsets ? (offsets[row] ?? null) : isOwn(row) ? offset : null),
      valueOf: (row) => (column) => values[column]?.[row],
      positionOf: (row) => (isNewest(row) ? position : position && offsets?.[row] != null ? { ...position, offset: offsets[row] } : null),
    };
    const next = first < 0 ? times.length : first;
    if (next < times.length) this.#begin();
    this.#tellApart(rows, next, gaps);
    this.#told = { time: times.at(-1) ?? this.#told.time, offset, epoch: this.#epoch };
  }

  /** Tells rows from `next` on, with each gap before the row that it is before. @param {Rows} rows @param {number} next @param {[number, number][]|undefined} gaps */
  #tellApart(rows, next, gaps) {
    for (const [from, to] of gaps ?? []) {
      let end = next;
      while (end < rows.count && !((rows.offsetOf(end) ?? -1) > to)) end += 1;
      this.#tellRows(part(rows, next, end));
      if (to > this.#told.offset || this.#told.epoch !== this.#epoch) this.#miss({ from, to, why: "sampler" });
      next = end;
    }
    this.#tellRows(part(rows, next, rows.count));
  }

  #tellTick({ time, offset }) {
    const { ring, newest, position } = this.#store;
    // What is told already, and what could not be placed: values of series that are not known.
    if (newest !== time || (this.#epoch === this.#told.epoch && offset <= this.#told.offset)) return;
    this.#begin();
    const values = ring.last();
    const known = (column) => (Number.isNaN(values[column]) ? null : values[column]);
    this.#tellRows({ count: 1, timeOf: () => time, offsetOf: () => offset, valueOf: () => known, positionOf: () => position });
    this.#told = { time, offset, epoch: this.#epoch };
  }

  /** A server that counts anew does not know what came before. */
  #begin() {
    const { epoch } = this.#told;
    if (epoch && epoch !== this.#epoch) this.#miss({ from: null, to: null, why: "restart" });
  }

  /** @param {Rows} rows */
  #tellRows({ count, timeOf, offsetOf, valueOf, positionOf }) {
    const layout = this.#laidOut();
    const make = (row, gap) => {
      this.position = positionOf(row) ?? this.position;
      return layout.tick({ time: timeOf(row), offset: offsetOf(row), valueOf: valueOf(row), gap });
    };
    this.#pass({ count, make, offsetOf });
  }

  #laidOut() {
    const { series, panel } = this.#store;
    if (!this.#layout?.of(series, panel)) this.#layout = new Layout(series, panel, this.#asked);
    return /** @type {Layout} */ (this.#layout);
  }
}
