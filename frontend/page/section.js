/** A section of a dashboard: its heading, which folds it, and its panels in rows without a hole. */

import { balanced } from "./balance.js";
import { h, setHidden, setText } from "../dom/html.js";

/** What one column of charts needs, and what is between two, in rem. */
const COLUMN = 21.5;
const GAP = 0.6;

/** The heights of rows by what stands in them; the style sheet has the numbers. */
const HEIGHTS = Object.freeze({ whole: "var(--whole)", tall: "var(--tall)", half: "var(--half)", low: "var(--low)" });

/** Of panels that have something to show, yet in whose place another stands: one that shares it, or a line of words. */
const ASIDE = Object.freeze(["aside", "quiet"]);

export class Section {
  /** @param {string} name "" for panels without a section @param {{folded: boolean, turned: (section: Section) => void}} options */
  constructor(name, { folded, turned }) {
    this.name = name;
    this.#button = h("button", { type: "button", "aria-expanded": "true" }, h("i", { class: "sign", "aria-hidden": "true" }), name);
    this.#count = h("span", { class: "count" });
    this.body = h("div", { class: "panels", id: `section-${slugOf(name)}` });
    /** A line for each panel in which nothing moves. */ this.lines = h("ul", { class: "quiet-lines" });
    this.#button.setAttribute("aria-controls", this.body.id);
    this.#head = h("h2", { class: "section-head" }, this.#button, this.#count);
    this.element = h("section", { class: "section", "aria-label": name ? `${name} panels` : null }, this.#head, this.body, this.lines);
    this.#button.addEventListener("click", () => {
      this.folded = !this.folded;
      turned(this);
    });
    this.folded = folded && name !== "";
  }

  #button;
  #count;
  #head;
  #width = 0;
  #laidOut = "";

  get folded() {
    return this.body.hidden;
  }

  set folded(folded) {
    this.body.hidden = this.lines.hidden = folded;
    this.#button.setAttribute("aria-expanded", String(!folded));
    this.#count.hidden = !folded;
    this.#button.title = folded ? `Show ${this.name}` : `Fold ${this.name}`;
  }

  /** Whether it says what it is called: not where it is the only one. @param {boolean} titled */
  set titled(titled) {
    this.#head.hidden = !titled || this.name === "";
  }

  /** @returns {HTMLElement[]} its panels that have something to show */
  get panels() {
    return /** @type {HTMLElement[]} */ ([...this.body.children]).filter(({ hidden, classList }) => !hidden && !ASIDE.some((name) => classList.contains(name)));
  }

  /** Lays its panels out for this width. @param {number} width of the section in pixels */
  layOut(width = this.#width) {
    this.#width = width;
    const { panels } = this;
    setHidden(this.element, [...this.body.children].every((panel) => /** @type {HTMLElement} */ (panel).hidden));
    setText(this.#count, `${panels.length} ${panels.length === 1 ? "panel" : "panels"}`);
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const layout = balanced(panels.map(sizeOf), Math.floor((width / rem + GAP) / (COLUMN + GAP)));
    const text = JSON.stringify([layout, panels.map(({ id }) => id)]);
    if (text === this.#laidOut) return;
    this.#laidOut = text;
    const { style } = this.body;
    style.gridTemplateColumns = `repeat(${layout.columns}, minmax(0, 1fr))`;
    style.gridTemplateRows = layout.rows.map((kind) => `minmax(${HEIGHTS[kind]}, auto)`).join(" ");
    layout.places.forEach(({ column, span, row, rows }, i) => {
      panels[i].style.gridArea = `${row} / ${column} / span ${rows} / span ${span}`;
    });
  }
}

/** A panel with few bars needs no more room than a small one. @param {any} panel @returns {import("./balance.js").Size} */
const sizeOf = ({ definition, classList }) => (definition.wide ? "wide" : definition.small || classList.contains("few") ? "small" : "");

const slugOf = (name) => name.toLowerCase().replace(/[^a-z0-9]+/g, "-");
