/** What the table of processes shows: now, as it was when the page was paused, at a moment, or over a window. */

import { formatClock } from "../charts/model/format.js";
import { errorWords } from "../client/protocol.js";
import { HeldRows } from "./held_rows.js";
import { PastTrends } from "./past_trends.js";
import { ProcessPast, emptyWords, subjectOf, subjectWords } from "./process_past.js";
import { arranged, countWords, labelOf, orderOf, tableRequestOf } from "./process_table.js";
import { Trends } from "./process_trends.js";

/** What helps where the order is none. */
export const USUAL = "cpu";
/** Sums are of all, so all are asked for; the server grants fewer. */
const ROWS_TO_GROUP = 1000;
/** So old a table may be to be the one of a window that has just been stopped. */
const JUST_NOW_MS = 5000;

/**
 * @typedef {{count: string|null, of: string, note: string, problem: string, empty: string, again: string, waiting: boolean,
 *            found: string|null}} Words
 *   what is said beside the table, empty for nothing, null for what was said before; found: what the filter found
 */

export class ProcessModel {
  /**
   * @param {{client: import("../client/client.js").Client, stream: import("../client/table_stream.js").TableStream,
   *          view: import("./view.js").View, changed: () => void}} parts changed: there is something else to draw
   */
  constructor({ client, stream, view, changed }) {
    this.#client = client;
    this.#stream = stream;
    this.#view = view;
    this.#changed = changed;
    this.#limit = stream.request.limit ?? 0;
    this.#held = new HeldRows({ client, stream, changed });
    this.#past = new ProcessPast(client);
    this.#past.addEventListener("change", this.#cameOfThen);
    this.#pastTrends = new PastTrends({ client, changed });
    stream.addEventListener("change", this.#came);
    stream.addEventListener("refused", changed);
  }

  #client;
  #stream;
  #view;
  #changed;
  #limit;
  #held;
  #past;
  #trends = new Trends();
  #pastTrends;
  /** The table as it was when the page was paused. @type {any} */ #still = null;
  #toggled = new Set();
  #unfolded = false;

  stop() {
    this.#stream.removeEventListener("refused", this.#changed);
    this.#stream.removeEventListener("change", this.#came);
    this.#past.removeEventListener("change", this.#cameOfThen);
    this.#past.stop();
    this.#pastTrends.stop();
    this.#held.letGo();
  }

  /** What the table is of; a page that was paused goes on showing what it showed. @returns {import("./process_past.js").Subject} */
  get subject() {
    const subject = subjectOf(this.#view);
    return subject.kind === "window" && this.#still ? { kind: "live" } : subject;
  }

  /** Whether what is shown goes on with time. */
  get live() {
    return subjectOf(this.#view).kind === "live";
  }

  /** Asks for what is to be shown: which processes are the first ones, and which match, only the server can know. @param {boolean} visible */
  ask(visible) {
    const subject = this.subject;
    if (subject.kind === "live") {
      this.#past.stop();
      this.#pastTrends.stop();
      const limit = this.#view.group || this.#unfolded ? ROWS_TO_GROUP : this.#limit;
      const wanted = { ...tableRequestOf(this.#view), limit, fold: !this.#unfolded };
      const { request } = this.#stream;
      if (Object.keys(wanted).some((key) => (request[key] ?? "") !== wanted[key])) this.#stream.update(wanted);
    } else if (visible) {
      this.#past.ask(subject, this.#view, this.#stream.rowsMax);
    }
    // The stream waits while nobody looks at what it brings.
    if (visible && this.live) this.#stream.release();
    else this.#stream.hold();
  }

  /** The view is another. @param {Set<string>} changed @returns {boolean} whether that concerns the table */
  turned(changed) {
    if (changed.has("group")) this.#toggled.clear();
    if (changed.has("frozen")) this.#stand();
    const concerned = ["sort", "filter", "group", "frozen", "at"].some((key) => changed.has(key));
    if (concerned) this.#held.letGo();
    return concerned;
  }

  /** Pausing moves nothing: the table stays as it was at the end of the window. */
  #stand() {
    const { frozen, paused } = this.#view;
    const { columns, rows, folded, matches, total, newest } = this.#stream;
    const still = this.#still ?? { columns, rows, folded, matches, total, newest };
    this.#still = frozen && paused && still.rows.length && Math.abs(still.newest - frozen.to) <= JUST_NOW_MS ? still : null;
  }

  #came = () => {
    const { columns, rows, newest } = this.#stream;
    this.#trends.take(newest, columns, rows);
    this.#changed();
  };

  #cameOfThen = () => {
    const { answer } = this.#past;
    if (answer) this.#pastTrends.ask(this.subject, answer);
    this.#changed();
  };

  /** Opens or closes a group, a branch, or what is folded. @param {any} key @param {boolean} [fold] */
  toggle(key, fold = false) {
    if (fold) this.#unfolded = !this.#unfolded;
    else if (!this.#toggled.delete(key)) this.#toggled.add(key);
  }

  /** What is to be drawn. @param {{holding: boolean, drawn: any[]}} state drawn: the keys that are shown @returns {import("./process_rows.js").Told} */
  told({ holding, drawn }) {
    const { group, sort } = this.#view;
    const shape = { group, sort, toggled: this.#toggled };
    const { kind } = this.subject;
    if (kind !== "live") return { ...shape, ...this.#toldThen(kind) };
    const { columns, folded } = this.#still ?? this.#stream;
    const rows = this.#still ? arranged(columns, this.#still.rows, this.#view).map((values) => ({ key: values[0], values, ended: false })) : this.#held.choose(holding, this.#view);
    const rank = holding ? new Map(drawn.map((key, i) => [key, i])) : null;
    return { ...shape, kind, columns, rows, rank, folded, unfolded: this.#unfolded, trend: (pids) => this.#trends.path(pids) };
  }

  /** @returns {{kind: "moment"|"window", columns: string[], rows: import("./process_table.js").Shown[], trend: (keys: any[]) => string}} */
  #toldThen(kind) {
    const { columns, rows } = this.#past.answer ?? { columns: [], rows: [] };
    const [ended, started] = [kind === "window" ? "ended" : "state", "started"].map((name) => columns.indexOf(name));
    const shown = rows.map((values) => ({ key: `${values[0]} ${values[started]}`, values, ended: values[ended] === true || values[ended] === "ended", past: true }));
    return { kind: columns.includes("cpu_peak") ? "window" : "moment", columns, rows: shown, trend: (keys) => this.#pastTrends.path(keys) };
  }

  // --- in words ----------------------------------------------------------------------------------------------------

  /** @param {import("./process_rows.js").Told} told what is drawn @returns {Words} */
  words(told) {
    return this.subject.kind === "live" ? this.#wordsNow(told.rows.length) : this.#wordsThen(told);
  }

  #wordsNow(rows) {
    const { filter, sort } = this.#view;
    const { refusal } = this.#stream;
    const { matches, total, newest, folded = 0 } = this.#still ?? this.#stream;
    const current = this.#stream.current || this.#still !== null;
    const words = current ? countWords({ rows, matches, total, filter, summed: this.#view.group !== "" && rows + folded < total }) : "";
    const nothing = current && !refusal && matches === 0;
    const usual = sort === USUAL && filter === "";
    const waiting = Number.isFinite(newest) || refusal ? "" : "Waiting for processes\u2026";
    return {
      // Until the answer is there the old words would be wrong, and none would make the header jump.
      count: words || !Number.isFinite(total) ? words : null,
      of: this.#still ? `as it was at ${formatClock(newest, { seconds: true })}` : "",
      note: this.#held.held ? "order held" : "",
      problem: refusal ? `${errorWords(refusal)}.` : "",
      empty: nothing ? `No process matches \u201c${filter}\u201d.` : waiting,
      again: refusal && !usual ? `Show all by ${labelOf(orderOf(USUAL).column)}` : nothing ? "Clear the filter" : "",
      waiting: !current && Number.isFinite(total),
      found: current ? (filter && words) : null,
    };
  }

  #wordsThen({ kind }) {
    const { filter } = this.#view;
    const { answer, current, why } = this.#past;
    const subject = this.subject;
    const nothing = current && !why && answer?.matches === 0;
    return {
      count: current ? String(answer?.matches ?? "") : null,
      of: subjectWords(subject, kind === subject.kind ? answer : null, this.#client.clock.now()),
      note: "",
      problem: why && `${why}.`,
      empty: nothing ? emptyWords(subject, filter) : answer || why ? "" : "Looking up who it was\u2026",
      again: nothing && filter ? "Clear the filter" : "",
      waiting: !current,
      found: null,
    };
  }
}
