/** `<vital-menu>`: a button that opens a short list of things to do. */

import { h } from "../dom/html.js";

/** Set `label` and `items` before it is connected. */
export class VitalMenu extends HTMLElement {
  label = "";
  /** @type {readonly {words: string, key?: string, run?: () => void, href?: string}[]} run, or href of a page */ items = [];
  /** @type {HTMLElement|null} what is said above them */ head = null;

  /** @type {HTMLElement} */ #button;
  /** @type {HTMLElement} */ #list;

  connectedCallback() {
    this.#button = h("button", { type: "button", class: "quiet", "aria-expanded": "false", "aria-label": this.label, title: this.label }, dots());
    this.#list = h("ul", { hidden: true }, ...(this.head ? [h("li", { class: "head" }, this.head)] : []), ...this.items.map((item) => h("li", {}, this.#item(item))));
    this.replaceChildren(this.#button, this.#list);
    this.#button.addEventListener("click", this.#toggled);
    this.addEventListener("keydown", this.#pressed);
    this.addEventListener("focusout", this.#left);
  }

  disconnectedCallback() {
    this.removeEventListener("focusout", this.#left);
    this.removeEventListener("keydown", this.#pressed);
    this.#button.removeEventListener("click", this.#toggled);
    this.replaceChildren();
  }

  get open() {
    return !this.#list.hidden;
  }

  set open(open) {
    this.#list.hidden = !open;
    this.#button.setAttribute("aria-expanded", String(open));
    if (open) /** @type {HTMLElement|null} */ (this.#list.querySelector("a, button"))?.focus();
  }

  /** One more thing to do, at the end. @param {VitalMenu["items"][number]} item */
  add(item) {
    this.#list.append(h("li", {}, this.#item(item)));
  }

  #item({ words, key, run = () => {}, href }) {
    if (href) return h("a", { href }, words);
    const button = h("button", { type: "button" }, h("span", {}, words), ...(key ? [h("kbd", {}, key)] : []));
    button.addEventListener("click", () => {
      this.open = false;
      this.#button.focus();
      run();
    });
    return button;
  }

  #toggled = () => {
    this.open = !this.open;
  };

  #left = (event) => {
    if (!this.contains(event.relatedTarget)) this.open = false;
  };

  /** The arrows go through the list while it is open; the page's own meaning of the keys is not meant then. */
  #pressed = (event) => {
    if (!this.open) return;
    const buttons = /** @type {HTMLElement[]} */ ([...this.#list.querySelectorAll("a, button")]);
    const at = buttons.findIndex((button) => button.matches(":focus"));
    const steps = { ArrowDown: at + 1, ArrowUp: at - 1 + buttons.length, Home: 0, End: buttons.length - 1 };
    if (event.key === "Escape") {
      this.open = false;
      this.#button.focus();
    } else if (event.key in steps) {
      buttons[steps[event.key] % buttons.length].focus();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
}

const dots = () => h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i"));
