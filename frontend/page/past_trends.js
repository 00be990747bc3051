/** The course of the processes in a table of then, as lines so small that they need no axis: one question for all of them. */

import { KEPT, sumsOf, trendPath } from "./process_trends.js";

/** Those that the recorder keeps are seen; the server answers for no more at once. */
const KEYS_MAX = 50;
/** Up to a moment, as long as the live table's lines would be at the recorder's pace. */
const BEFORE_MS = KEPT * 5000;
/** Of longer windows the server would have to read too much for lines so small. */
const WINDOW_MAX_MS = 6 * 3_600_000;

/** @typedef {{columns: string[], rows: any[][], end: number}} Answer the table's */

/**
 * What is asked: of a moment the two minutes before it, of a window the whole. Null where that would be too much.
 *
 * @param {import("./process_past.js").Subject} subject @param {Answer} answer
 */
export function trendsQuestion(subject, { columns, rows, end }) {
  const at = columns.indexOf("pid");
  const keys = [...new Set(rows.map((row) => row[at]))].slice(0, KEYS_MAX);
  const [from, to] = subject.kind === "window" ? [subject.from, subject.to] : [end - BEFORE_MS, end];
  if (!keys.length || to - from > WINDOW_MAX_MS) return null;
  return { table: "processes", keys, start: from, end: to, points: KEPT, stream: "@processes-trends" };
}

/**
 * CPU by process, as the keys of rows name them, over the question's steps.
 *
 * @param {{columns: {name: string}[], rows: any[][], start: number, end: number}} answer @param {number[]} keys that were asked for
 * @returns {Map<string, number[]>} NaN where it was not recorded
 */
export function trendsOf({ columns, rows, start, end }, keys) {
  const names = columns.map(({ name }) => name);
  const [pid, time, started, cpu] = ["pid", "time", "started", "cpu"].map((name) => names.indexOf(name));
  /** @type {Map<string, number[]>} */ const found = new Map();
  for (const row of rows) {
    const key = `${pid < 0 ? keys[0] : row[pid]} ${row[started]}`;
    const values = found.get(key) ?? Array(KEPT).fill(NaN);
    const step = Math.ceil(((row[time] - start) / (end - start)) * KEPT) - 1;
    values[Math.min(KEPT - 1, Math.max(0, step))] = row[cpu] ?? NaN;
    found.set(key, values);
  }
  return found;
}

export class PastTrends {
  /** @param {{client: import("../client/client.js").Client, changed: () => void}} parts */
  constructor({ client, changed }) {
    this.#client = client;
    this.#changed = changed;
  }

  #client;
  #changed;
  #asked = "";
  /** @type {Map<string, number[]>} */ #values = new Map();

  /** Asks, unless that is what was asked last. @param {import("./process_past.js").Subject} subject @param {Answer} answer */
  async ask(subject, answer) {
    const question = trendsQuestion(subject, answer);
    const asked = JSON.stringify(question);
    if (asked === this.#asked) return;
    this.#asked = asked;
    this.#values = new Map();
    if (!question) return;
    try {
      const result = await this.#client.query(question);
      if (asked !== this.#asked) return;
      this.#values = trendsOf(result, question.keys);
      this.#changed();
    } catch {
      // The rows stand without: why nothing is known of then, the table itself says.
    }
  }

  stop() {
    this.#asked = "";
    this.#values = new Map();
  }

  /** The path of the sum of some rows. @param {any[]} keys */
  path(keys) {
    return trendPath(sumsOf(keys.map((key) => this.#values.get(key)).filter((values) => values !== undefined)));
  }
}
