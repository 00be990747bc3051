/** A chart's values as a table, for those who would rather read than look. */

import { h, setText } from "../dom/html.js";

/** Nobody reads a table that is written anew each second. */
const EVERY_MS = 5000;

export class DataTable {
  /** @param {string} title */
  constructor(title) {
    this.#title = title;
    this.element = h("div", { class: "data-table", hidden: true, tabindex: "0", role: "group", "aria-label": `${title} as a table` });
  }

  #title;
  #writtenAt = -Infinity;
  #shape = "";

  get shown() {
    return !this.element.hidden;
  }

  set shown(shown) {
    this.element.hidden = !shown;
    this.#writtenAt = -Infinity;
  }

  /** @param {number} now ms of any steady clock */
  due(now) {
    return this.shown && now - this.#writtenAt >= EVERY_MS;
  }

  /** Forgets when it was written: something else is to be read now. */
  expire() {
    this.#writtenAt = -Infinity;
  }

  /** @param {{columns: string[], rows: string[][]}} table @param {number} now as for `due` */
  write({ columns, rows }, now) {
    this.#writtenAt = now;
    const shape = JSON.stringify([columns, rows.length]);
    if (shape !== this.#shape) this.#build(columns, rows);
    this.#shape = shape;
    const cells = this.element.querySelectorAll("tbody :is(th, td)");
    rows.flat().forEach((text, i) => setText(cells[i], text));
  }

  #build(columns, rows) {
    const head = h("tr", {}, ...columns.map((words) => h("th", { scope: "col" }, words)));
    const row = () => h("tr", {}, ...columns.map((_, i) => (i ? h("td") : h("th", { scope: "row" }))));
    this.element.replaceChildren(
      h("table", {}, h("caption", { class: "unseen" }, this.#title), h("thead", {}, head), h("tbody", {}, ...rows.map(row))),
    );
  }
}
