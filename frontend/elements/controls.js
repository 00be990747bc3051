/** `<vital-controls>`: the time that the charts show and their pace, pause, colours, help. */

import { formatDuration } from "../charts/model/format.js";
import { momentWords, windowWords } from "../charts/model/time_words.js";
import { keyOf } from "../page/keys.js";
import { INTERVALS, LIVE_S, RANGES, THEMES, rangeWords, shortWords } from "../page/choices.js";
import { h, setText } from "../dom/html.js";

/** The ranges that have a button of their own; the others have keys, and are in the list. */
const BUTTONS = Object.freeze(["1m", "5m", "15m", "1h", "24h", "7d"]);
const THEME_WORDS = Object.freeze({ system: "system", dark: "dark", light: "light" });

const NO_INTERVAL = "The update interval matters for up to 15 minutes only: longer ranges change more slowly.";

/**
 * Set `view` and `clock` before it is connected. Events: `help` and `pick`, the reader asks for the keys, or to choose
 * another time; `tell`, with what the page is to say.
 */
export class VitalControls extends HTMLElement {
  /** @type {import("../page/view.js").View} */ view;
  /** @type {import("../client/clock.js").ServerClock} */ clock;

  /** Where live charts end, Unix ms: a pause moves nothing. */
  edge = () => Math.floor(this.clock.now());

  /** @type {HTMLElement} */ #window;
  /** @type {HTMLElement} */ #moment;
  /** @type {HTMLElement} */ #ranges;
  /** @type {HTMLFieldSetElement} */ #intervals;
  /** @type {HTMLElement} */ #pause;
  /** @type {HTMLElement} */ #pauseWords;
  /** @type {HTMLElement} */ #pauseKey;
  /** @type {HTMLElement} */ #theme;

  connectedCallback() {
    this.#window = h("button", { type: "button", class: "window", "aria-haspopup": "dialog", title: `Choose a time (${keyOf("pick")})` });
    this.#moment = h("button", { type: "button", class: "chosen", hidden: true });
    this.#ranges = choice("Range", "range", BUTTONS.map((words) => ({ value: RANGES[words], words: shortWords(words) })));
    this.#intervals = /** @type {HTMLFieldSetElement} */ (choice("Update every", "interval", INTERVALS.map((value) => ({ value, words: `${value}` })), "s"));
    this.#pauseWords = h("span");
    this.#pauseKey = h("kbd");
    this.#pause = h("button", { type: "button", class: "pause" }, h("i", { class: "sign", "aria-hidden": "true" }), this.#pauseWords, this.#pauseKey);
    this.#theme = h("button", { type: "button", class: "quiet theme" }, h("i", { class: "half", "aria-hidden": "true" }));
    const help = h("button", { type: "button", class: "quiet help", "aria-label": "Keyboard shortcuts", title: `Keyboard shortcuts (${keyOf("help")})` }, "?");
    const comparison = Object.assign(h("vital-comparison"), { view: this.view });
    this.replaceChildren(this.#moment, this.#window, this.#ranges, comparison, this.#intervals, this.#pause, this.#theme, help);
    this.#ranges.addEventListener("change", (event) => this.view.reach(Number(valueOf(event))));
    this.#window.addEventListener("click", () => this.pick());
    this.#moment.addEventListener("click", () => this.view.set({ at: null }));
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
    else this.view.pause(this.edge());
  }

  nextTheme() {
    this.view.set({ theme: THEMES[(THEMES.indexOf(this.view.theme) + 1) % THEMES.length] });
  }

  /** Asks for another time. */
  pick() {
    this.dispatchEvent(new Event("pick"));
  }

  /** The next shorter (+1) or longer (-1) pause between two readings. @param {number} step */
  hasten(step) {
    if (this.#intervals.disabled) {
      this.dispatchEvent(new CustomEvent("tell", { bubbles: true, detail: NO_INTERVAL }));
      return;
    }
    const at = INTERVALS.indexOf(this.view.interval) - step;
    this.view.set({ interval: INTERVALS[Math.max(0, Math.min(INTERVALS.length - 1, at))] });
  }

  #show = () => {
    const { range, interval, frozen, theme } = this.view;
    this.#showTime();
    check(this.#ranges, frozen && !this.view.paused ? NaN : range);
    check(this.#intervals, interval);
    this.#intervals.disabled = (frozen ? (frozen.to - frozen.from) / 1000 : range) > LIVE_S;
    this.#intervals.title = this.#intervals.disabled ? NO_INTERVAL : "";
    setText(this.#pauseWords, frozen ? "Back to live" : "Pause");
    setText(this.#pauseKey, keyOf(frozen ? "leave" : "pause"));
    this.#pause.classList.toggle("wanted", frozen !== null);
    const words = `Theme: ${THEME_WORDS[theme]}`;
    this.#theme.setAttribute("aria-label", words);
    this.#theme.title = `${words} (${keyOf("theme")})`;
    this.#theme.dataset.theme = theme;
  };

  #showTime() {
    const { range, frozen, at } = this.view;
    const now = this.clock.now();
    setText(this.#window, frozen ? windowWords(frozen, now) : `Last ${lengthWords(range)}`);
    this.#moment.hidden = at === null;
    if (at === null) return;
    const words = momentWords(at, now, { seconds: true });
    this.#moment.replaceChildren(words, h("span", { "aria-hidden": "true" }, " \u00d7"));
    this.#moment.setAttribute("aria-label", `Values of ${words}: return to the newest`);
    this.#moment.title = "Return to the newest values";
  }
}

/** Buttons of which one is pressed; the arrow keys go from one to the next. */
function choice(legend, name, options, unit = "") {
  const labels = options.map(({ value, words }) =>
    h("label", {}, h("input", { type: "radio", class: "unseen", name, value }), h("span", {}, words, ...(unit ? [h("span", { class: "unseen" }, ` ${unit}`)] : []))),
  );
  return h("fieldset", { class: name }, h("legend", { class: "unseen" }, legend), ...labels, ...(unit ? [h("span", { class: "unit", "aria-hidden": "true" }, unit)] : []));
}

/** A range as its button says it, or as long as it is. */
const lengthWords = (range) => (Object.values(RANGES).includes(range) ? shortWords(rangeWords(range)) : formatDuration(range));

const valueOf = (event) => /** @type {HTMLInputElement} */ (event.target).value;

function check(field, value) {
  for (const input of field.querySelectorAll("input")) input.checked = Number(input.value) === value;
}
