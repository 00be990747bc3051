/** `<vital-marking>`: a field in which those who may say what happens now, or happened at the moment that is shown. */

import { timeWords } from "../charts/model/event_words.js";
import { h, setText } from "../dom/html.js";
import { loadAccess } from "../http/access.js";
import { postMark } from "../http/events.js";

const TITLE_MAX = 200;

/** Set `view`, `events` and `clock` before it is connected. It is hidden from those who may not make marks. */
export class VitalMarking extends HTMLElement {
  /** @type {import("../page/view.js").View} */ view;
  /** @type {import("../page/event_log.js").EventLog} */ events;
  /** @type {import("../client/clock.js").ServerClock} */ clock;

  /** @type {HTMLFormElement} */ #form;
  /** @type {HTMLInputElement} */ #field;
  /** @type {HTMLElement} */ #button;
  /** @type {HTMLElement} */ #said;
  #asked = false;
  /** @type {IntersectionObserver} */ #views;

  connectedCallback() {
    this.#field = /** @type {HTMLInputElement} */ (
      h("input", { type: "text", placeholder: "What happened?", "aria-label": "What happened", maxlength: TITLE_MAX, required: true, autocomplete: "off" })
    );
    this.#button = h("button", { type: "submit" });
    this.#said = h("span", { class: "said", role: "status" });
    this.#form = /** @type {HTMLFormElement} */ (h("form", { hidden: true }, this.#field, this.#button, this.#said));
    this.replaceChildren(this.#form);
    this.#form.addEventListener("submit", this.#submitted);
    this.view.addEventListener("change", this.#turned);
    this.#views = new IntersectionObserver((entries) => entries.at(-1)?.isIntersecting && this.#ask());
    this.#views.observe(this);
    this.#turned();
  }

  disconnectedCallback() {
    this.#views.disconnect();
    this.view.removeEventListener("change", this.#turned);
    this.#asked = false;
    this.replaceChildren();
  }

  /** Not before somebody looks. */
  async #ask() {
    if (this.#asked) return;
    this.#asked = true;
    const access = await loadAccess().catch(() => null);
    this.#form.hidden = access?.scope !== "admin";
  }

  #turned = () => {
    const { at } = this.view;
    setText(this.#button, at === null ? "Mark now" : `Mark ${timeWords(at, this.clock.now())}`);
  };

  #submitted = async (event) => {
    event.preventDefault();
    const { at } = this.view;
    try {
      this.events.add(await postMark({ title: this.#field.value.trim(), ...(at !== null && { time: at }) }));
      this.#field.value = "";
      setText(this.#said, "");
    } catch (error) {
      setText(this.#said, `Not marked: ${error.message}.`);
    }
  };
}
