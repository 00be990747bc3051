/** The large numbers of a panel; coloured, and with a word, only when something is wrong. */

import { h, setText } from "../dom/html.js";
import { markOf } from "./legend.js";

export class Headline {
  constructor() {
    this.#level = h("span", { class: "level", hidden: true });
    this.#numbers = h("span", { class: "numbers" });
    this.element = h("p", { class: "headline" }, this.#level, this.#numbers);
  }

  #level;
  #numbers;
  /** @type {string|null} */ #shape = null;

  /** @param {import("./model/headline.js").HeadlineNow} headline */
  write({ numbers, level, rule }) {
    const shape = numbers.map(({ down, label }) => (down === undefined ? "" : `${down} ${label}`)).join();
    if (shape !== this.#shape) this.#build(numbers);
    this.#shape = shape;
    numbers.forEach(({ text, label }, i) => {
      const part = this.#numbers.children[i];
      setText(/** @type {Element} */ (part.querySelector("b")), text);
      setText(/** @type {Element} */ (part.querySelector("small")), label);
    });
    this.element.dataset.level = level;
    this.#level.hidden = !level;
    setText(this.#level, level);
    this.element.title = rule;
  }

  #build(numbers) {
    const mark = ({ down, label }) => (down === undefined ? [] : [markOf(down, label)]);
    const small = ({ down }) => h("small", { "aria-hidden": down === undefined ? null : "true" });
    this.#numbers.replaceChildren(...numbers.map((number) => h("span", {}, ...mark(number), h("b"), small(number))));
    this.element.classList.toggle("directions", numbers.some(({ down }) => down));
  }
}
