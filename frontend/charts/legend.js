/** The lines of a panel with their colours and their values, now or at the moment that is pointed at. */

import { formatValue } from "./model/format.js";
import { wayOf } from "./model/headline.js";
import { foldWords, listingOf, pickedAfter } from "./model/legend_model.js";
import { telltaleEnds } from "./model/short_names.js";
import { h, setHidden, setText } from "../dom/html.js";

/** More rows of a heatmap than this are read from its picture, not from a list. */
const ROWS_LISTED_MAX = 16;
/** Between two changes of the order: a list that moves all the time cannot be read. */
const SETTLES_EVERY_MS = 10_000;

/** @typedef {{element: HTMLElement, button: HTMLElement, lines: number[]}} Entry lines: places of its values */

/**
 * Lines are listed by value; those at zero fold into a word. A click on one shows it alone, with Ctrl or Cmd it is
 * added, and a second click or Esc shows all again. Event `picked`, when that changes.
 */
export class Legend extends EventTarget {
  /** @param {import("./model/panel.js").Panel} panel */
  constructor(panel) {
    super();
    this.#panel = panel;
    this.element = h("ul", { class: "legend", "aria-label": `${panel.title}: lines and their values` });
    this.#zeros = h("button", { type: "button", class: "zeros", "aria-expanded": "false" });
    this.#more = h("li", { class: "more" });
    this.#zeros.addEventListener("click", () => this.#unfold());
    this.element.addEventListener("click", this.#clicked);
    this.element.addEventListener("keydown", this.#pressed);
  }

  #panel;
  #unit = "";
  #zeros;
  #more;
  /** @type {Map<number, HTMLElement>} by the line's place */ #values = new Map();
  /** @type {Map<string, Entry>} what is listed by value, by the lines' key */ #entries = new Map();
  /** @type {Set<string>} at zero when that was last looked at */ #folded = new Set();
  #unfolded = false;
  /** Whether any line has a value. */ #known = true;
  #settledAt = -Infinity;
  /** @type {ReadonlySet<string>} the keys of lines that are shown alone; empty for all */ picked = new Set();

  /** @param {import("./model/lines.js").Layout} layout */
  build(layout) {
    const { lines, more } = layout;
    this.#unit = layout.unit;
    this.#values.clear();
    this.#entries.clear();
    const { chart } = this.#panel;
    const items = chart === "heatmap" ? this.#rows(lines) : chart === "bar" ? this.#parts(lines) : this.#lines(layout);
    // At full size the columns are as wide as the longest name needs; the style sheet says how far they go.
    this.element.style.setProperty("--longest", String(Math.max(0, ...lines.map(({ label }) => label.length))));
    const rest = more ? [h("span", { class: "others" }, `${more} more`)] : [];
    this.#more.replaceChildren(this.#zeros, ...rest);
    this.#more.hidden = !more;
    this.#zeros.hidden = true;
    this.element.replaceChildren(...items, this.#more);
    this.element.classList.toggle("paired", layout.mirrored);
    this.element.classList.toggle("worded", layout.mirrored && !wayOf(layout, false).mark);
    this.#settledAt = -Infinity;
    this.#mark();
  }

  /** @param {ArrayLike<number>} values one a line */
  write(values) {
    for (const [i, node] of this.#values) setText(node, formatValue(values[i], this.#unit));
    if (this.#entries.size < 2) return;
    const nil = formatValue(0, this.#unit);
    const zero = ({ lines }) => lines.every((i) => Number.isNaN(values[i]) || this.#values.get(i)?.textContent === nil);
    this.#settle(values, zero);
    let hidden = 0;
    for (const [key, entry] of this.#entries) {
      // What is more than zero at this moment is seen at once.
      setHidden(entry.element, this.#folded.has(key) && !this.#unfolded && zero(entry));
      hidden += Number(entry.element.hidden);
    }
    setHidden(this.#zeros, !hidden && !this.#unfolded);
    setHidden(this.#more, this.#zeros.hidden && this.#more.children.length < 2);
    this.#known = Array.from(values).some((value) => !Number.isNaN(value));
    setText(this.#zeros, foldWords({ hidden, known: this.#known, unfolded: this.#unfolded }));
  }

  /** Shows all lines again. @returns {boolean} whether some were not shown */
  showAll() {
    const some = this.picked.size > 0;
    if (some) this.#pick(new Set());
    return some;
  }

  /** Puts the entries in order, unless somebody is about to use one. */
  #settle(values, zero) {
    const now = performance.now();
    if (now - this.#settledAt < SETTLES_EVERY_MS || this.element.matches(":hover, :focus-within")) return;
    this.#settledAt = now;
    const sum = (lines) => lines.reduce((total, i) => (values[i] === values[i] ? (total || 0) + Math.abs(values[i]) : total), NaN);
    const entries = [...this.#entries].map(([key, entry]) => ({ key, value: sum(entry.lines), zero: zero(entry) }));
    const { order, folded } = listingOf(entries);
    this.#folded = folded;
    order.forEach((key, i) => {
      const { element } = /** @type {Entry} */ (this.#entries.get(key));
      if (this.element.children[i] !== element) this.element.insertBefore(element, this.element.children[i] ?? null);
    });
  }

  #unfold() {
    this.#unfolded = !this.#unfolded;
    this.#zeros.setAttribute("aria-expanded", String(this.#unfolded));
    for (const [key, { element }] of this.#entries) element.hidden = this.#folded.has(key) && !this.#unfolded;
    setText(this.#zeros, foldWords({ hidden: this.#folded.size, known: this.#known, unfolded: this.#unfolded }));
  }

  // --- lines alone -------------------------------------------------------------------------------------------------

  #clicked = (event) => {
    const found = [...this.#entries].find(([, { button }]) => button.contains(event.target));
    if (!found || this.#entries.size < 2) return;
    const add = event.ctrlKey || event.metaKey;
    this.#pick(pickedAfter(this.picked, found[0], { add, all: [...this.#entries.keys()] }));
  };

  /** The arrows go from line to line. */
  #pressed = (event) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key] ?? 0;
    const buttons = [...this.element.querySelectorAll("button")].filter((one) => one.checkVisibility());
    const at = buttons.indexOf(/** @type {any} */ (document.activeElement));
    if (event.key === "Escape" ? !this.showAll() : !step || at < 0) return;
    if (step) buttons[Math.max(0, Math.min(buttons.length - 1, at + step))].focus();
    event.preventDefault();
    event.stopPropagation();
  };

  #pick(picked) {
    this.picked = picked;
    this.#mark();
    this.dispatchEvent(new Event("picked"));
  }

  #mark() {
    const some = [...this.picked].some((key) => this.#entries.has(key));
    this.element.classList.toggle("picking", some);
    for (const [key, { button }] of this.#entries) {
      if (button.tagName === "BUTTON") button.setAttribute("aria-pressed", String(some && this.picked.has(key)));
    }
  }

  // --- what it is made of ------------------------------------------------------------------------------------------

  #lines(layout) {
    const { lines, mirrored } = layout;
    const ends = telltaleEnds(lines.map(({ label }) => label));
    const several = new Set(lines.map(({ key }) => key)).size > 1;
    // The stack's uppermost band comes first, as the eye meets it.
    const order = [...lines.keys()];
    if (this.#panel.stack) order.reverse();
    for (const i of order) {
      const { key, label, color, down } = lines[i];
      const entry = this.#entries.get(key) ?? this.#entry(key, several, h("span", { class: "swatches" }), nameNode(label, ends.get(label)));
      entry.lines.push(i);
      entry.button.firstElementChild?.append(swatch(`c${color}${down ? "-down" : ""}`));
      entry.button.append(h("span", { class: "value" }, ...(mirrored ? wayNodes(wayOf(layout, down)) : []), this.#value(i)));
    }
    return [...this.#entries.values()].map(({ element }) => element);
  }

  /** A single line has nothing to be shown without. @returns {Entry} */
  #entry(key, several, ...children) {
    const button = several ? h("button", { type: "button", class: "entry" }, ...children) : h("span", { class: "entry" }, ...children);
    const entry = { element: h("li", {}, button), button, lines: [] };
    this.#entries.set(key, entry);
    return entry;
  }

  #rows(lines) {
    // The picture has its scale with it.
    if (lines.length > ROWS_LISTED_MAX) return [];
    const ends = telltaleEnds(lines.map(({ label }) => label));
    return lines.map(({ label }, i) => h("li", {}, h("span", { class: "entry" }, nameNode(label, ends.get(label)), h("span", { class: "value" }, this.#value(i)))));
  }

  #parts(lines) {
    const parts = new Map(lines.map(({ part, partLabel, label, color }) => [part || label, { words: partLabel || label, color }]));
    // What bars of one part show, their numbers say.
    return parts.size < 2 ? [] : [...parts.values()].map(({ words, color }) => h("li", {}, h("span", { class: "entry" }, swatch(`c${color}`), nameNode(words))));
  }

  #value(i) {
    const node = h("span");
    this.#values.set(i, node);
    return node;
  }
}

const swatch = (color) => h("i", { class: `swatch ${color}`, "aria-hidden": "true" });

/** A name whose middle, or else its end, gives way by the style sheet. @param {string} label @param {string} [end] what stays of it */
function nameNode(label, end) {
  if (!end) return h("span", { class: "label", title: label }, label);
  return h("span", { class: "label cut", title: label }, h("span", {}, label.slice(0, -end.length)), h("span", {}, end));
}

/** Which way a value goes: a triangle with a word for those who do not see it, else the word. @returns {HTMLElement[]} */
export function wayNodes({ word, mark }) {
  if (!mark) return word ? [h("small", {}, `${word} `)] : [];
  const sign = h("i", { class: mark === "down" ? "mark down" : "mark", "aria-hidden": "true" });
  return [word ? h("span", {}, sign, h("span", { class: "unseen" }, `${word} `)) : sign];
}
