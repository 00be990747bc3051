/** The lines of a panel with their colours and their values, now or at the moment that is pointed at. */

import { formatValue } from "./model/format.js";
import { wayOf } from "./model/headline.js";
import { telltaleEnds } from "./model/short_names.js";
import { h, setText } from "../dom/html.js";

/** More rows of a heatmap than this are read from its picture, not from a list. */
const ROWS_LISTED_MAX = 16;

export class Legend {
  /** @param {import("./model/panel.js").Panel} panel */
  constructor(panel) {
    this.#panel = panel;
    this.element = h("ul", { class: "legend", "aria-label": `${panel.title}: lines and their values` });
  }

  #panel;
  #unit = "";
  /** @type {Map<number, HTMLElement>} by the line's place */ #values = new Map();

  /** @param {import("./model/lines.js").Layout} layout */
  build(layout) {
    const { lines, more } = layout;
    this.#unit = layout.unit;
    this.#values.clear();
    const { chart } = this.#panel;
    const items = chart === "heatmap" ? this.#rows(lines) : chart === "bar" ? this.#parts(lines) : this.#lines(layout);
    // At full size the columns are as wide as the longest name needs; the style sheet says how far they go.
    this.element.style.setProperty("--longest", String(Math.max(0, ...lines.map(({ label }) => label.length))));
    if (more) items.push(h("li", { class: "more" }, `${more} more`));
    this.element.replaceChildren(...items);
    this.element.classList.toggle("paired", layout.mirrored);
    this.element.classList.toggle("worded", layout.mirrored && !wayOf(layout, false).mark);
  }

  /** @param {ArrayLike<number>} values one a line */
  write(values) {
    for (const [i, node] of this.#values) setText(node, formatValue(values[i], this.#unit));
  }

  #lines(layout) {
    const { lines, mirrored } = layout;
    const ends = telltaleEnds(lines.map(({ label }) => label));
    /** @type {Map<string, HTMLElement>} */ const items = new Map();
    // The stack's uppermost band comes first, as the eye meets it.
    const order = [...lines.keys()];
    if (this.#panel.stack) order.reverse();
    for (const i of order) {
      const { key, label, color, down } = lines[i];
      const item = items.get(key) ?? h("li", {}, h("span", { class: "swatches" }), nameNode(label, ends.get(label)));
      items.set(key, item);
      item.firstElementChild?.append(swatch(`c${color}${down ? "-down" : ""}`));
      item.append(h("span", { class: "value" }, ...(mirrored ? wayNodes(wayOf(layout, down)) : []), this.#value(i)));
    }
    return [...items.values()];
  }

  #rows(lines) {
    // The picture has its scale with it.
    if (lines.length > ROWS_LISTED_MAX) return [];
    const ends = telltaleEnds(lines.map(({ label }) => label));
    return lines.map(({ label }, i) => h("li", {}, nameNode(label, ends.get(label)), h("span", { class: "value" }, this.#value(i))));
  }

  #parts(lines) {
    const parts = new Map(lines.map(({ part, partLabel, label, color }) => [part || label, { words: partLabel || label, color }]));
    return [...parts.values()].map(({ words, color }) => h("li", {}, swatch(`c${color}`), nameNode(words)));
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
