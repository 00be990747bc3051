/** The large numbers of a panel; coloured, and with a word, only when something is wrong. */

import { h, setHidden, setText, setTitle } from "../dom/html.js";
import { wayNodes } from "./legend.js";

export class Headline {
  constructor() {
    this.#level = h("span", { class: "level", hidden: true });
    this.#cause = h("span", { class: "cause", hidden: true });
    this.#numbers = h("span", { class: "numbers" });
    this.element = h("p", { class: "headline" }, this.#level, this.#cause, this.#numbers);
  }

  #level;
  #cause;
  #numbers;
  /** @type {string|null} */ #shape = null;

  /** @param {import("./model/headline.js").HeadlineNow} headline @param {string[]} [cause] the programs behind its level */
  write({ numbers, level, rule }, cause = []) {
    const shape = numbers.map(({ down, mark, label }) => (down === undefined ? "" : `${down} ${mark} ${label}`)).join();
    if (shape !== this.#shape) this.#build(numbers);
    this.#shape = shape;
    numbers.forEach(({ text, label }, i) => {
      const part = this.#numbers.children[i];
      setText(/** @type {Element} */ (part.querySelector("b")), text);
      setText(/** @type {Element} */ (part.querySelector("small")), label);
    });
    if (this.element.dataset.level !== level) this.element.dataset.level = level;
    setHidden(this.#level, !level);
    setText(this.#level, level);
    setHidden(this.#cause, !level || !cause.length);
    setText(this.#cause, cause.join(", "));
    setTitle(this.#cause, cause.join(", "));
    setTitle(this.element, rule);
  }

  #build(numbers) {
    const mark = ({ mark, label }) => (mark ? wayNodes({ word: label, mark }) : []);
    const small = ({ mark }) => h("small", { "aria-hidden": mark ? "true" : null });
    this.#numbers.replaceChildren(...numbers.map((number) => h("span", {}, ...mark(number), h("b"), small(number))));
    this.element.classList.toggle("directions", numbers.some(({ down }) => down));
    this.element.classList.toggle("marked", numbers.some(({ mark }) => mark));
  }
}
