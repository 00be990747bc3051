/** `<vital-controls>`: the reach and the pace of the charts, pause, colours, help. */

import { keyOf } from "../page/keys.js";
import { INTERVALS, RANGES, THEMES, shortWords } from "../page/choices.js";
import { h, setText } from "../dom/html.js";

/** The ranges that have a button of their own; the others have keys, and are in the list. */
const BUTTONS = Object.freeze(["1m", "5m", "15m", "1h", "24h", "7d"]);
const THEME_WORDS = Object.freeze({ system: "system", dark: "dark", light: "light" });

/** Set `view` and `clock` before it is connected. Event `help`: the reader asks for it. */
export class VitalControls extends HTMLElement {
  /** @type {import("../page/view.js").View} */ view;
  /** @type {import("../client/clock.js").ServerClock} */ clock;

  /** @type {HTMLElement} */ #ranges;
  /** @type {HTMLElement} */ #intervals;
  /** @type {HTMLElement} */ #pause;
  /** @type {HTMLElement} */ #pauseWords;
  /** @type {HTMLElement} */ #pauseKey;
  /** @type {HTMLElement} */ #theme;

  connectedCallback() {
    this.#ranges = choice("Range", "range", BUTTONS.map((words) => ({ value: RANGES[words], words: shortWords(words) })));
    this.#intervals = choice("Update every", "interval", INTERVALS.map((value) => ({ value, words: `${value}` })), "s");
    this.#pauseWords = h("span");
    this.#pauseKey = h("kbd");
    this.#pause = h("button", { type: "button", class: "pause" }, h("i", { class: "sign", "aria-hidden": "true" }), this.#pauseWords, this.#pauseKey);
    this.#theme = h("button", { type: "button", class: "quiet theme" }, h("i", { class: "half", "aria-hidden": "true" }));
    const help = h("button", { type: "button", class: "quiet help", "aria-label": "Keyboard shortcuts", title: `Keyboard shortcuts (${keyOf("help")})` }, "?");
    const comparison = Object.assign(h("vital-comparison"), { view: this.view });
    this.replaceChildren(this.#ranges, comparison, this.#intervals, this.#pause, this.#theme, help);
    this.#ranges.addEventListener("change", (event) => this.view.reach(Number(valueOf(event))));
    this.#intervals.addEventListener("change", (event) => this.view.set({ interval: Number(valueOf(event)) }));
    this.#pause.addEventListener("click", () => this.pause());
    this.#theme.addEventListener("click", () => this.nextTheme());
    help.addEventListener("click", () => this.dispatchEvent(new Event("help")));
    this.view.addEventListener("change", this.#show);
    this.#show();
  }

  disconnectedCallback() {
    this.view.removeEventListener("change", this.#show);
    this.replaceChildren();
  }

  /** Freezes the charts as they stand, or lets them go on. */
  pause() {
    if (this.view.frozen) this.view.live();
    else this.view.pause(Math.floor(this.clock.now()));
  }

  nextTheme() {
    this.view.set({ theme: THEMES[(THEMES.indexOf(this.view.theme) + 1) % THEMES.length] });
  }

  /** The next shorter (+1) or longer (-1) pause between two readings. @param {number} step */
  hasten(step) {
    const at = INTERVALS.indexOf(this.view.interval) - step;
    this.view.set({ interval: INTERVALS[Math.max(0, Math.min(INTERVALS.length - 1, at))] });
  }

  #show = () => {
    const { range, interval, frozen, theme } = this.view;
    check(this.#ranges, range);
    check(this.#intervals, interval);
    setText(this.#pauseWords, frozen ? "Back to live" : "Pause");
    setText(this.#pauseKey, keyOf(frozen ? "leave" : "pause"));
    this.#pause.classList.toggle("wanted", frozen !== null);
    const words = `Theme: ${THEME_WORDS[theme]}`;
    this.#theme.setAttribute("aria-label", words);
    this.#theme.title = `${words} (${keyOf("theme")})`;
    this.#theme.dataset.theme = theme;
  };
}

/** Buttons of which one is pressed; the arrow keys go from one to the next. */
function choice(legend, name, options, unit = "") {
  const labels = options.map(({ value, words }) =>
    h("label", {}, h("input", { type: "radio", class: "unseen", name, value }), h("span", {}, words, ...(unit ? [h("span", { class: "unseen" }, ` ${unit}`)] : []))),
  );
  return h("fieldset", { class: name }, h("legend", { class: "unseen" }, legend), ...labels, ...(unit ? [h("span", { class: "unit", "aria-hidden": "true" }, unit)] : []));
}

const valueOf = (event) => /** @type {HTMLInputElement} */ (event.target).value;

function check(field, value) {
  for (const input of field.querySelectorAll("input")) input.checked = Number(input.value) === value;
}
