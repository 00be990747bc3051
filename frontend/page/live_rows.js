/** A table of live rows: each key keeps its row, and only what differs is written. */

import { formatDuration, formatValue, NO_READING } from "../charts/model/format.js";
import { TREND } from "./process_trends.js";
import { COLUMNS, labelOf, orderOf, placeOf } from "./process_table.js";
import { placesOf, slide } from "./row_moves.js";
import { h } from "../dom/html.js";

/** A bar ends on a whole percent: finer steps nobody sees, and each would be a write. */
const BAR_STEPS = 100;
const SPARK = document.createElement("template");
SPARK.innerHTML = `<svg class="trend" viewBox="0 0 ${TREND.width} ${TREND.height}" aria-hidden="true"><path/></svg>`;

export class Rows {
  /** @param {string} caption for those who cannot see it */
  constructor(caption) {
    this.#head = h("tr");
    this.body = h("tbody");
    this.element = h("table", {}, h("caption", { class: "unseen" }, caption), h("thead", {}, this.#head), this.body);
  }

  #head;
  /** @type {string[]} */ columns = [];
  #sort = "";
  /** @type {Map<any, Entry>} */ #entries = new Map();
  /** What is known of one process, below its row. @type {{key: any, row: HTMLElement}|null} */ #detail = null;
  /** So many rows may slide to their places at once. */ slides = 0;

  /** The header's buttons carry their column in `data-column`. @param {string[]} columns @param {string} sort */
  build(columns, sort) {
    this.columns = columns;
    this.#entries.clear();
    this.body.replaceChildren();
    this.#head.replaceChildren(
      ...columns.map((column) =>
        h("th", { scope: "col", class: classOf(column) }, headOf(column)),
      ),
    );
    this.#sort = "";
    this.mark(sort);
  }

  /** Shows by which column, and which way, the rows are sorted. @param {string} sort */
  mark(sort) {
    if (sort === this.#sort) return;
    this.#sort = sort;
    const { column, descending } = orderOf(sort);
    const at = placeOf(this.columns, column);
    [...this.#head.children].forEach((cell, i) => {
      cell.classList.toggle("sorted", i === at);
      if (i === at) cell.setAttribute("aria-sort", descending ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    });
    for (const { cells } of this.#entries.values()) cells.forEach((cell, i) => cell.classList.toggle("sorted", i === at));
  }

  /**
   * @param {import("./process_table.js").Shown[]} shown
   * @param {Record<string, number>} wholes what a cell's bar is a share of, by column
   */
  draw(shown, wholes) {
    const keys = new Set(shown.map(({ key }) => key));
    for (const [key, { row }] of this.#entries) {
      if (keys.has(key)) continue;
      row.remove();
      this.#entries.delete(key);
    }
    const rows = shown.flatMap((one) => {
      const entry = this.#entries.get(one.key) ?? this.#make(one.key);
      entry.fill(one, wholes);
      return this.#detail?.key === one.key ? [entry.row, this.#detail.row] : [entry.row];
    });
    place(this.body, rows, this.slides);
    if (rows.length && !this.body.querySelector('[tabindex="0"]')) rows[0].tabIndex = 0;
  }

  /** Shows an element below the row of a key; null takes it away. @param {any} key @param {HTMLElement|null} element */
  detail(key, element) {
    if (this.#detail) this.#entries.get(this.#detail.key)?.row.classList.remove("opened");
    this.#detail?.row.remove();
    this.#detail = element && { key, row: h("tr", { class: "detail" }, h("td", { colspan: this.columns.length }, element)) };
    const row = this.#entries.get(key)?.row;
    if (!element || !row || !this.#detail) return;
    row.after(this.#detail.row);
    row.classList.add("opened");
  }

  #make(key) {
    const at = placeOf(this.columns, orderOf(this.#sort).column);
    const entry = new Entry(key, this.columns, at);
    this.#entries.set(key, entry);
    return entry;
  }
}

function headOf(column) {
  if (COLUMNS[column]?.unordered) return h("span", {}, labelOf(column));
  return h("button", { type: "button", "data-column": COLUMNS[column]?.sort ?? column, title: COLUMNS[column]?.hint ?? null }, labelOf(column));
}

/** One row, and what it shows. */
class Entry {
  constructor(key, columns, sorted) {
    this.#columns = columns;
    this.#values = Array(columns.length);
    this.#shares = Array(columns.length);
    this.#texts = columns.map(() => document.createTextNode(""));
    this.cells = columns.map((column, i) => {
      const head = column === "name";
      const content = column === "trend" ? SPARK.content.firstElementChild.cloneNode(true) : this.#texts[i];
      return h(head ? "th" : "td", { class: classOf(column, i === sorted), scope: head ? "row" : null }, content);
    });
    this.row = h("tr", { "data-pid": key, tabindex: "-1" }, ...this.cells);
  }

  #columns;
  #values;
  #shares;
  #texts;
  #ended = false;
  #shape = "";

  /** @param {import("./process_table.js").Shown} shown @param {Record<string, number>} wholes */
  fill(shown, wholes) {
    const { values, ended, past = false } = shown;
    if (ended !== this.#ended) this.#end(ended, past);
    this.#shapeAs(shown);
    values.forEach((value, i) => {
      const column = this.#columns[i];
      if (ended && COLUMNS[column]?.number && column !== "pid" && !past) value = null;
      if (column in wholes) this.#bar(i, value === null ? 0 : Number(value) / wholes[column]);
      if (value === this.#values[i]) return;
      this.#values[i] = value;
      if (column === "trend") {
        this.cells[i].querySelector("path")?.setAttribute("d", String(value ?? ""));
        return;
      }
      const text = cellText(column, value);
      if (this.#texts[i].data !== text) this.#texts[i].data = text;
      if (typeof value === "string") this.cells[i].title = value;
    });
  }

  /** How deep it lies, of how many it is the sum, and whether these are shown. */
  #shapeAs({ depth = 0, members = 0, open = false, fold = false }) {
    const shape = `${depth} ${members} ${open} ${fold}`;
    if (shape === this.#shape || (!this.#shape && shape === "0 0 false false")) return;
    this.#shape = shape;
    const cell = this.cells[Math.max(0, this.#columns.indexOf("name"))];
    cell.querySelector(".twist")?.remove();
    cell.querySelector(".members")?.remove();
    this.row.classList.toggle("whole", members > 0);
    this.row.classList.toggle("fold", fold);
    if (depth) this.row.dataset.depth = String(depth);
    else delete this.row.dataset.depth;
    if (!members && !fold) return;
    const words = `${open ? "Hide" : "Show"} ${fold ? "idle kernel threads" : "its processes"}`;
    const twist = h("button", { type: "button", class: "twist", tabindex: "-1", "aria-expanded": String(open), "aria-label": words });
    cell.prepend(twist, ...(members > 1 ? [h("span", { class: "members" }, `${members}\u00d7 `)] : []));
  }

  #bar(i, share) {
    const step = Math.round(Math.min(1, Math.max(0, share || 0)) * BAR_STEPS) / BAR_STEPS;
    if (step === this.#shares[i]) return;
    this.#shares[i] = step;
    this.cells[i].style.setProperty("--share", String(step));
  }

  /** What ended after the time that is shown does not step back: then it was as much there as others. */
  #end(ended, past) {
    this.#ended = ended;
    this.row.classList.toggle("ended", ended && !past);
    const cell = this.cells[Math.max(0, this.#columns.indexOf("name"))];
    cell.querySelector(".end")?.remove();
    if (ended) cell.append(h("span", { class: "end" }, "ended"));
  }
}

/** Puts the rows in this order with as few moves as can be: a moved row loses a selection, and costs layout. */
function place(body, rows, slides) {
  const at = new Map([...body.children].map((row, i) => [row, i]));
  const stay = longestRising(rows.map((row) => at.get(row) ?? -1));
  const before = slides > 0 && stay.size < rows.length ? placesOf(body.children) : new Map();
  let next = null;
  for (let i = rows.length - 1; i >= 0; i -= 1) {
    if (!stay.has(i)) body.insertBefore(rows[i], next);
    next = rows[i];
  }
  slide(before, slides);
}

/** The places of a longest run of numbers that rise; those below 0 are none. @param {number[]} numbers */
function longestRising(numbers) {
  /** @type {number[]} the place of the smallest end of a run of each length */ const ends = [];
  const before = Array(numbers.length).fill(-1);
  numbers.forEach((number, i) => {
    if (number < 0) return;
    let length = ends.findIndex((end) => numbers[end] >= number);
    if (length < 0) length = ends.length;
    before[i] = length ? ends[length - 1] : -1;
    ends[length] = i;
  });
  const run = new Set();
  for (let i = ends.at(-1) ?? -1; i >= 0; i = before[i]) run.add(i);
  return run;
}

function classOf(column, sorted = false) {
  const { number, optional } = COLUMNS[column] ?? { number: false, optional: 1 };
  return [`col-${column}`, number && "number", optional && `optional-${optional}`, sorted && "sorted"].filter(Boolean).join(" ");
}

/** Of what groups have none of their own there is nothing to say. */
const EMPTY = ["pid", "user", "unit", "state", "span", "age", "command"];

function cellText(column, value) {
  if (value === null || value === undefined) return EMPTY.includes(column) ? "" : NO_READING;
  const { unit } = COLUMNS[column] ?? {};
  if (unit === "s") return formatDuration(Math.floor(value));
  if (unit) return formatValue(value, unit);
  return String(value);
}
