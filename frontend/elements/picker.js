/** `<vital-picker>`: a dialog to choose what time the charts show: a range, a window in words, or a moment. */

import { formatDuration } from "../charts/model/format.js";
import { windowWords } from "../charts/model/time_words.js";
import { RANGES, shortWords } from "../page/choices.js";
import { quickWindows } from "../page/quick_windows.js";
import { FORMS, WhenError, bothOf, momentOf, windowOf } from "../page/when.js";
import { closeBeside } from "../dom/dialog.js";
import { h, setText } from "../dom/html.js";

/** Set `view` and `clock` before it is connected. */
export class VitalPicker extends HTMLElement {
  /** @type {import("../page/view.js").View} */ view;
  /** @type {{now: () => number}} the server's */ clock;

  /** @type {HTMLDialogElement} */ #dialog;
  /** @type {HTMLInputElement} */ #from;
  /** @type {HTMLInputElement} */ #to;
  /** @type {HTMLElement} */ #reading;
  /** @type {HTMLButtonElement} */ #show;
  /** @type {HTMLButtonElement} */ #go;
  /** @type {HTMLElement} */ #quick;

  connectedCallback() {
    const close = h("button", { type: "button" }, "Close ", h("kbd", {}, "Esc"));
    close.addEventListener("click", () => this.#dialog.close());
    this.#quick = h("div", { class: "choices" });
    this.#dialog = /** @type {HTMLDialogElement} */ (
      h(
        "dialog",
        { class: "picker", "aria-labelledby": "picker-title" },
        h("header", {}, h("h2", { id: "picker-title" }, "Time shown"), close),
        this.#form(),
        h("h3", {}, "Live: the last"),
        h("div", { class: "choices" }, ...Object.entries(RANGES).map(([words, range]) => this.#rangeButton(words, range))),
        h("h3", {}, "Windows"),
        this.#quick,
      )
    );
    closeBeside(this.#dialog);
    this.replaceChildren(this.#dialog);
  }

  disconnectedCallback() {
    this.replaceChildren();
  }

  /** Opens it on what is shown, or closes it again. */
  toggle() {
    if (this.#dialog.open) {
      this.#dialog.close();
      return;
    }
    const { frozen } = this.view;
    this.#from.value = frozen ? spoken(frozen.from) : "";
    this.#to.value = frozen ? spoken(frozen.to) : "";
    for (const button of this.#dialog.querySelectorAll("[data-range]")) {
      button.setAttribute("aria-pressed", String(!frozen && Number(/** @type {HTMLElement} */ (button).dataset.range) === this.view.range));
    }
    const now = this.clock.now();
    this.#quick.replaceChildren(...quickWindows(now).map((one) => this.#quickButton(one, now)));
    this.#read();
    this.#dialog.showModal();
    this.#from.select();
  }

  #form() {
    this.#from = field("from", "yesterday 14:00");
    this.#to = field("to", "now");
    this.#show = /** @type {HTMLButtonElement} */ (h("button", { type: "submit", class: "main" }, "Show"));
    this.#go = /** @type {HTMLButtonElement} */ (h("button", { type: "button" }, "Only that moment"));
    this.#reading = h("p", { class: "reading", role: "status", id: "picker-reading" });
    const form = h(
      "form",
      {},
      labelled("From", this.#from, this.#calendar(this.#from)),
      labelled("To", this.#to, this.#calendar(this.#to)),
      h("div", { class: "actions" }, this.#show, this.#go),
      this.#reading,
    );
    form.addEventListener("input", () => this.#read());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#go.addEventListener("click", () => this.#goTo());
    return form;
  }

  /** The browser's own way to choose a time, which writes into the field of words. @param {HTMLInputElement} words */
  #calendar(words) {
    const calendar = /** @type {HTMLInputElement} */ (h("input", { type: "datetime-local", step: 1, "aria-label": `${words.name}, by calendar` }));
    calendar.addEventListener("input", (event) => {
      event.stopPropagation();
      if (calendar.value) words.value = calendar.value.replace("T", " ");
      this.#read();
    });
    return calendar;
  }

  #rangeButton(words, range) {
    const button = h("button", { type: "button", "data-range": range }, shortWords(words));
    button.addEventListener("click", () => this.#choose({ frozen: null, at: null, range }));
    return button;
  }

  #quickButton({ words, from, to }, now) {
    const button = h("button", { type: "button" }, words, h("small", {}, windowWords({ from, to }, now)));
    button.addEventListener("click", () => this.#choose({ frozen: { from, to }, at: null }));
    return button;
  }

  /** What is understood of the words, while they are written. */
  #read() {
    const now = Math.floor(this.clock.now());
    const { window, moment, problem } = readingOf(this.#from.value, this.#to.value, now);
    this.#show.disabled = window === null;
    this.#go.hidden = moment === null;
    this.#reading.classList.toggle("problem", problem !== "");
    for (const one of [this.#from, this.#to]) one.setAttribute("aria-invalid", String(problem !== ""));
    const words = window ? `${windowWords(window, now)}, ${formatDuration(Math.round((window.to - window.from) / 1000))}` : "";
    setText(this.#reading, problem || words || `Write ${FORMS}, or both into one field: 14:00\u201315:30.`);
  }

  #submit() {
    const { window } = readingOf(this.#from.value, this.#to.value, Math.floor(this.clock.now()));
    if (window) this.#choose({ frozen: window, at: null });
  }

  #goTo() {
    const { moment } = readingOf(this.#from.value, "", Math.floor(this.clock.now()));
    if (moment !== null) this.#choose({ at: moment });
  }

  #choose(changes) {
    this.#dialog.close();
    this.view.set(changes);
  }
}

/** @returns {{window: import("../page/view.js").Window|null, moment: number|null, problem: string}} */
function readingOf(from, to, now) {
  if (!from.trim()) return { window: null, moment: null, problem: to.trim() ? "From is missing." : "" };
  try {
    const [since, until] = (to.trim() ? null : bothOf(from)) ?? [from, to];
    return { window: windowOf(since, until, now), moment: to.trim() || since !== from ? null : momentOf(from, now), problem: "" };
  } catch (error) {
    if (!(error instanceof WhenError)) throw error;
    return { window: null, moment: null, problem: `${error.message}.` };
  }
}

const field = (name, placeholder) =>
  /** @type {HTMLInputElement} */ (
    h("input", { name, placeholder, autocomplete: "off", spellcheck: "false", autocapitalize: "none", maxlength: 100, "aria-describedby": "picker-reading" })
  );

const labelled = (words, input, calendar) => h("div", { class: "field" }, h("label", {}, h("span", {}, words), input), calendar);

/** A moment as it is written into a field: to the second, and again to be read. */
function spoken(ms) {
  const date = new Date(ms);
  const pad = (number) => String(number).padStart(2, "0");
  const seconds = date.getSeconds() ? `:${pad(date.getSeconds())}` : "";
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${pad(date.getHours())}:${pad(date.getMinutes())}${seconds}`;
}
