/** `<vital-processes>`: the busiest processes as a table; each process keeps its row for as long as it is shown. */

import { formatAge, formatDuration, formatValue, NO_READING } from "../core/format.js";
import { errorWords } from "../core/protocol.js";
import { staleAfterS } from "../core/status.js";
import { everyBeat, forgetFrame, nextFrame } from "./frames.js";
import { h, setText } from "./html.js";

/** What is known of the columns; others are shown as they come. `optional`: hidden first when there is little room. */
const COLUMNS = {
  pid: { label: "PID", number: true },
  name: { label: "Name" },
  user: { label: "User", optional: 2 },
  cpu: { label: "CPU", unit: "1", number: true },
  memory: { label: "Memory", unit: "By", number: true },
  threads: { label: "Threads", number: true, optional: 1 },
  read: { label: "Read", unit: "By/s", number: true, optional: 2 },
  write: { label: "Write", unit: "By/s", number: true, optional: 2 },
  age: { label: "Age", unit: "s", number: true, optional: 1 },
  command: { label: "Command", optional: 1 },
};

/** Set `session`, `stream` and `clock` before it is connected. */
export class VitalProcesses extends HTMLElement {
  /** @type {import("../core/session.js").Session} */ session;
  /** @type {import("../core/session.js").TableStream} */ stream;
  /** @type {import("../core/clock.js").ServerClock} */ clock;

  #columns = "";
  #sort = "";
  /** @type {Map<any, {row: HTMLTableRowElement, cells: HTMLElement[]}>} */ #rows = new Map();
  /** @type {() => void} */ #stopBeat = () => {};
  /** @type {HTMLTableElement} */ #table;
  /** @type {HTMLElement} */ #head;
  /** @type {HTMLElement} */ #body;
  /** @type {HTMLElement} */ #problem;
  /** @type {HTMLElement} */ #age;

  connectedCallback() {
    this.#sort = this.stream.request.sort ?? "";
    this.#head = h("tr");
    this.#body = h("tbody");
    this.#age = h("span", { class: "age", hidden: true });
    this.#problem = h("p", { class: "problem", role: "status", hidden: true });
    this.#table = /** @type {HTMLTableElement} */ (
      h("table", {}, h("caption", { class: "unseen" }, "The busiest processes, live"), h("thead", {}, this.#head), this.#body)
    );
    this.setAttribute("role", "region");
    this.setAttribute("aria-labelledby", "processes-title");
    this.replaceChildren(
      h("header", {}, h("h2", { id: "processes-title" }, "Processes"), this.#age),
      // It scrolls on narrow screens, so it can be reached by keyboard.
      h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Table of processes" }, this.#table),
      this.#problem,
    );
    this.stream.addEventListener("change", this.#changed);
    this.stream.addEventListener("refused", this.#changed);
    this.#head.addEventListener("click", this.#clicked);
    this.#stopBeat = everyBeat(() => this.#beat());
    this.#changed();
  }

  disconnectedCallback() {
    this.#stopBeat();
    this.#head.removeEventListener("click", this.#clicked);
    this.stream.removeEventListener("refused", this.#changed);
    this.stream.removeEventListener("change", this.#changed);
    forgetFrame(this.#draw);
    this.#rows.clear();
    this.#columns = "";
    this.replaceChildren();
  }

  #changed = () => nextFrame(this.#draw);

  #beat() {
    const ageS = (this.clock.now() - this.stream.newest) / 1000;
    const stale = ageS > staleAfterS(this.stream.request.interval ?? 2);
    this.#age.hidden = !stale;
    this.classList.toggle("stale", stale);
    if (stale) setText(this.#age, formatAge(ageS));
  }

  #clicked = (event) => {
    const column = event.target.closest("button")?.dataset.column;
    if (!column) return;
    if (column === this.#sort) return;
    this.#sort = column;
    // Which processes are the first ones depends on the order: that choice is the server's.
    this.session.change(this.stream, { sort: column });
    this.#markSorted();
    this.#changed();
  };

  #markSorted() {
    for (const cell of this.#head.children) {
      const sorted = cell.querySelector("button")?.dataset.column === this.#sort;
      if (sorted) cell.setAttribute("aria-sort", COLUMNS[this.#sort]?.number ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    }
  }

  #draw = () => {
    const { columns, refusal } = this.stream;
    this.#problem.hidden = !refusal;
    setText(this.#problem, refusal ? `${errorWords(refusal)}.` : "");
    if (columns.length === 0) return;
    if (columns.join() !== this.#columns) this.#buildHead(columns);
    const rows = this.#sorted();
    const pid = Math.max(0, columns.indexOf("pid"));
    const seen = new Set();
    rows.forEach((values, position) => {
      const key = values[pid];
      seen.add(key);
      const { row } = this.#fill(key, values, columns);
      // Moving a row only when it has to move keeps a selection, and the reader's place.
      if (this.#body.children[position] !== row) this.#body.insertBefore(row, this.#body.children[position] ?? null);
    });
    for (const [key, { row }] of this.#rows) {
      if (seen.has(key)) continue;
      row.remove();
      this.#rows.delete(key);
    }
  };

  #buildHead(columns) {
    this.#columns = columns.join();
    this.#rows.clear();
    this.#body.replaceChildren();
    this.#head.replaceChildren(
      ...columns.map((column) =>
        h("th", { scope: "col", class: classOf(column) }, h("button", { type: "button", "data-column": column }, labelOf(column))),
      ),
    );
    this.#markSorted();
  }

  /** The server sorts too; this is for the moment until its answer to a click. */
  #sorted() {
    const { columns, rows } = this.stream;
    const at = columns.indexOf(this.#sort);
    if (at < 0) return rows;
    const missing = (value) => value === null || value === undefined;
    return [...rows].sort(({ [at]: a }, { [at]: b }) => {
      if (missing(a) || missing(b)) return Number(missing(a)) - Number(missing(b));
      return typeof a === "string" ? a.localeCompare(b) : b - a;
    });
  }

  #fill(key, values, columns) {
    let entry = this.#rows.get(key);
    if (!entry) {
      const cells = columns.map((column) => h(column === "name" ? "th" : "td", { class: classOf(column), scope: column === "name" ? "row" : null }));
      const row = /** @type {HTMLTableRowElement} */ (h("tr", { "data-pid": key }, ...cells));
      entry = { row, cells };
      this.#rows.set(key, entry);
    }
    values.forEach((value, i) => {
      const cell = entry.cells[i];
      const text = cellText(columns[i], value);
      setText(cell, text);
      if (typeof value === "string") cell.title = value;
      if (columns[i] === "cpu") cell.style.setProperty("--share", String(Math.min(1, value || 0)));
    });
    return entry;
  }
}

const labelOf = (column) => COLUMNS[column]?.label ?? column.replace(/_/g, " ");

function classOf(column) {
  const { number, optional } = COLUMNS[column] ?? { number: false, optional: 1 };
  return [`col-${column}`, number ? "number" : "", optional ? `optional-${optional}` : ""].filter(Boolean).join(" ");
}

function cellText(column, value) {
  if (value === null || value === undefined) return NO_READING;
  const { unit } = COLUMNS[column] ?? {};
  if (unit === "s") return formatDuration(Math.floor(value));
  if (unit) return formatValue(value, unit);
  return String(value);
}
