/** `<vital-bars>`: what fills, as a list: each with its bar, its numbers in words, and how it filled over the last week. */

import { pngOfBars } from "../charts/bars_png.js";
import { onRecolour } from "../charts/colors.js";
import { Sparkline } from "../charts/sparkline.js";
import { h, setHidden, setText, setTitle } from "../dom/html.js";

/** A bar ends on a thousandth: finer steps nobody sees, and each would be a write. */
const STEPS = 1000;

/** @typedef {import("../charts/model/chart_model.js").BarsModel} BarsModel */

/**
 * Stands where other panels have a `<vital-plot>`, and is asked the same. Events: `drawn` after each drawing; `resized`
 * when the colours around it have changed, for what is saved of it.
 */
export class VitalBars extends HTMLElement {
  /** @type {Map<string, Row>} by the bars' keys */ #rows = new Map();
  /** @type {BarsModel|null} */ #shown = null;
  /** @type {HTMLElement} */ #list;
  /** @type {ResizeObserver|null} */ #sizes = null;
  #stopWatching = () => {};

  /** How often it was drawn. */
  counts = { full: 0, live: 0 };
  /** It draws at once. */ busy = false;
  /** Bars know no time. */ window = null;
  breaks = [];

  connectedCallback() {
    this.#list = h("ul", { "aria-label": this.getAttribute("aria-label") });
    this.replaceChildren(this.#list);
    this.#sizes = new ResizeObserver(() => this.measure());
    this.#sizes.observe(this);
    this.#stopWatching = onRecolour(() => this.dispatchEvent(new Event("resized")));
    if (this.#shown) this.draw(this.#shown);
  }

  disconnectedCallback() {
    this.#stopWatching();
    this.#sizes?.disconnect();
    this.#rows.clear();
    this.replaceChildren();
  }

  get area() {
    return { left: 0, top: 0, width: this.clientWidth, height: this.clientHeight };
  }

  /** What is drawn, null where nothing is. */
  get model() {
    return this.#shown;
  }

  /** @param {BarsModel} model */
  draw(model) {
    this.#shown = model;
    if (!this.isConnected) return;
    this.counts.full += 1;
    const rows = model.bars.map((bar) => {
      const row = this.#rows.get(bar.key) ?? new Row();
      row.fill(bar);
      return /** @type {[string, Row]} */ ([bar.key, row]);
    });
    const elements = rows.map(([, { element }]) => element);
    if (rows.length !== this.#rows.size || elements.some((element, i) => element !== this.#list.children[i])) this.#list.replaceChildren(...elements);
    this.#rows = new Map(rows);
    this.measure();
    this.dispatchEvent(new Event("drawn"));
  }

  /** The page's colours are its own at once. */
  invalidate() {}

  /** More than there is room for is scrolled to, by keyboard too. */
  measure() {
    const scrolls = this.scrollHeight > this.clientHeight + 1;
    this.classList.toggle("scrolls", scrolls);
    if (scrolls) this.tabIndex = 0;
    else this.removeAttribute("tabindex");
  }

  /** The list as an image that stands alone. @param {import("../charts/png_figure.js").About & {scale?: number}} options @returns {Promise<Blob>} */
  async png({ scale = 2, ...about }) {
    if (!this.#shown) throw new Error("there is nothing to save yet");
    return pngOfBars(this, this.#shown, about, scale);
  }
}

/** One of them. */
class Row {
  constructor() {
    this.#spark = new Sparkline();
    this.#name = h("span", { class: "name" }, h("bdi"));
    this.#text = h("span", { class: "text" });
    this.#words = h("span");
    this.#track = h("span", { class: "track" });
    this.#trend = h("span", { class: "trend", hidden: true }, this.#spark.element, this.#words);
    this.element = h("li", {}, this.#name, this.#text, this.#track, this.#trend);
  }

  #name;
  #text;
  #track;
  #trend;
  #words;
  #spark;
  /** @type {any} what the line was drawn of */ #course = null;

  /** @param {BarsModel["bars"][number]} bar */
  fill({ label, text, parts, share, level, trend, course }) {
    setText(/** @type {HTMLElement} */ (this.#name.firstElementChild), label);
    setTitle(this.#name, label);
    setText(this.#text, text);
    if (this.element.dataset.level !== level) this.element.dataset.level = level;
    this.#measure(label, text, share);
    while (this.#track.children.length > parts.length) this.#track.lastElementChild?.remove();
    parts.forEach((part, i) => fillPart(/** @type {HTMLElement} */ (this.#track.children[i] ?? this.#track.appendChild(h("i"))), part));
    setHidden(this.#trend, !trend);
    setText(this.#words, trend);
    this.#spark.element.toggleAttribute("hidden", !course);
    if (course && course !== this.#course) this.#spark.draw(course, course);
    this.#course = course;
  }

  /** Of what nothing is known there is nothing to measure. */
  #measure(label, text, share) {
    const known = !Number.isNaN(share);
    const measured = { role: "meter", "aria-label": label, "aria-valuetext": text, "aria-valuemin": "0", "aria-valuemax": "100" };
    for (const [name, value] of Object.entries(measured)) setAttribute(this.#track, name, known ? value : null);
    setAttribute(this.#track, "aria-valuenow", known ? String(Math.round(100 * share)) : null);
  }
}

/** @param {HTMLElement} element @param {import("../charts/model/chart_model.js").BarPart} part */
function fillPart(element, { label, color, share }) {
  const width = `${Math.round(STEPS * Math.min(1, Math.max(0, share))) / (STEPS / 100)}%`;
  if (element.style.width !== width) element.style.width = width;
  const own = `var(--c${color})`;
  if (element.style.getPropertyValue("--own") !== own) element.style.setProperty("--own", own);
  setTitle(element, label);
}

function setAttribute(element, name, value) {
  if (element.getAttribute(name) === value) return;
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}
