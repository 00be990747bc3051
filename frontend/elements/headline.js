/** The large numbers of a panel; coloured, and with a word, only when something is wrong. */

import { h, setText } from "./html.js";
import { markOf } from "./legend.js";

export class Headline {
  constructor() {
    this.#level = h("span", { class: "level", hidden: true });
    this.#numbers = h("span", { class: "numbers" });
    this.element = h("p", { class: "headline" }, this.#level, this.#numbers);
  }

  #level;
  #numbers;
  #shape = "";

  /** @param {import("../core/headline.js").HeadlineNow} headline */
  write({ numbers, level }) {
    const shape = numbers.map(({ down }) => String(down)).join();
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
  }

  #build(numbers) {
    const mark = (down) => (down === undefined ? [] : [markOf(down)]);
    this.#numbers.replaceChildren(...numbers.map(({ down }) => h("span", {}, ...mark(down), h("b"), h("small"))));
    this.element.classList.toggle("directions", numbers.some(({ down }) => down));
  }
}
