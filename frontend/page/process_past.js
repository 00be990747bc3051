/** The recorded processes of a moment or a window: which of them the view wants, the answer, and what that is in words. */

import { formatClock, formatDuration } from "../charts/model/format.js";
import { dayWords, windowWords } from "../charts/model/time_words.js";
import { COLUMNS, orderOf } from "./process_table.js";

/** More are never recorded of a moment, and nobody reads so many of a window. */
const ROWS_MAX = 200;
/** A pointer that is dragged along asks once it rests. */
const SETTLED_MS = 120;

/** @typedef {{kind: "live"} | {kind: "moment", at: number} | {kind: "window", from: number, to: number}} Subject */

/**
 * What the table is of: the moment that was chosen, else the window that stands still, else now.
 *
 * @param {{at: number|null, frozen: {from: number, to: number}|null}} view @returns {Subject}
 */
export function subjectOf({ at, frozen }) {
  if (at !== null) return { kind: "moment", at };
  return frozen ? { kind: "window", from: Math.round(frozen.from), to: Math.round(frozen.to) } : { kind: "live" };
}

/** What is asked of the server. @param {Subject} subject @param {{sort: string, filter: string}} view @param {number} rowsMax */
export function questionOf(subject, { sort, filter }, rowsMax = ROWS_MAX) {
  const when = subject.kind === "moment" ? { at: subject.at } : { start: /** @type {any} */ (subject).from, end: /** @type {any} */ (subject).to };
  return { table: "processes", ...when, ...orderThen(sort, subject.kind), filter, limit: Math.min(ROWS_MAX, rowsMax), stream: "@processes-past" };
}

/** An order of the live table, as the recorder's two know it. @param {string} sort @param {Subject["kind"]} kind */
export function orderThen(sort, kind) {
  const { column, descending } = orderOf(sort);
  const order = /** @type {const} */ (descending ? "descending" : "ascending");
  // The oldest is the one that was started first.
  if (column === "age") return { sort: "started", order: /** @type {const} */ (descending ? "ascending" : "descending") };
  const unknown = kind === "window" ? ["threads", "state"] : [];
  return unknown.includes(column) || COLUMNS[column]?.unordered ? { sort: "cpu", order: /** @type {const} */ ("descending") } : { sort: column, order };
}

/**
 * What an answer is of, in words: `at 02:00:05, the 5 s before` or `13:00–14:00, means and sums`.
 *
 * @param {Subject} subject @param {{end: number, interval: number}|null} answer @param {number} now Unix ms
 */
export function subjectWords(subject, answer, now) {
  if (subject.kind === "live") return "";
  if (subject.kind === "window") return `${windowWords(subject, now)}, means and sums`;
  const time = answer?.interval ? answer.end : subject.at;
  const words = `${dayWords(time, now)} ${formatClock(time, { seconds: true })}`.trim();
  return answer?.interval ? `at ${words}, the ${formatDuration(Math.round(answer.interval))} before` : `at ${words}`;
}

/** Why there is nobody in the table. @param {Subject} subject @param {string} filter */
export function emptyWords(subject, filter) {
  if (filter.trim()) return `No recorded process of then matches \u201c${filter}\u201d.`;
  const then = subject.kind === "moment" ? "at this moment" : "in this window";
  return `No processes were recorded ${then}: the recorder was not running, or it is longer ago than the history keeps.`;
}

/** Asks for the recorded processes. Event: `change`. */
export class ProcessPast extends EventTarget {
  /** @param {import("../client/client.js").Client} client */
  constructor(client) {
    super();
    this.#client = client;
  }

  #client;
  #asked = "";
  /** @type {any} */ #timer;
  /** @type {{columns: string[], rows: any[][], matches: number, start: number, end: number, interval: number}|null} */ answer = null;
  /** Whether the answer is to what was asked last. */ current = false;
  /** Why there is none, in the server's words. */ why = "";

  /** @param {Subject} subject @param {{sort: string, filter: string}} view @param {number} rowsMax */
  ask(subject, view, rowsMax) {
    const question = questionOf(subject, view, rowsMax);
    const asked = JSON.stringify(question);
    if (asked === this.#asked) return;
    this.#asked = asked;
    this.current = false;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#send(question, asked), SETTLED_MS);
  }

  /** Nobody looks at the past any more. */
  stop() {
    clearTimeout(this.#timer);
    this.#asked = "";
    this.answer = null;
    this.why = "";
  }

  async #send(question, asked) {
    let answer = null;
    let why = "";
    try {
      answer = await this.#client.query(question);
    } catch (error) {
      why = error.message;
    }
    if (asked !== this.#asked) return;
    this.answer = answer && { ...answer, columns: answer.columns.map(({ name }) => name) };
    this.why = why;
    this.current = true;
    this.dispatchEvent(new Event("change"));
  }
}
