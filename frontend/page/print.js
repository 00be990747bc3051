/** Paper: all of the page, black on white, with what a screen says by its place: which machine, which time, which zone. */

import { h } from "../dom/html.js";
import { DRAWS } from "./panel_canvas.js";

/** How long charts that nobody has looked at yet may take to come. */
const PREPARED_MS = 15_000;
const PAUSE_MS = 50;

export class Printing {
  /** @param {{dashboard: HTMLElement, view: import("./view.js").View, clock: import("../client/clock.js").ServerClock, host: () => string}} parts */
  constructor({ dashboard, view, clock, host }) {
    this.#dashboard = dashboard;
    this.#view = view;
    this.#clock = clock;
    this.#host = host;
    this.#head = h("p", { class: "printed" });
  }

  #dashboard;
  #view;
  #clock;
  #host;
  #head;
  #preparing = false;
  /** @type {string|undefined|null} null while nothing is dressed for paper */ #theme = null;

  start() {
    addEventListener("beforeprint", this.#dress);
    addEventListener("afterprint", this.#undress);
    addEventListener("keydown", this.#pressed);
  }

  stop() {
    removeEventListener("keydown", this.#pressed);
    removeEventListener("afterprint", this.#undress);
    removeEventListener("beforeprint", this.#dress);
    this.#undress();
  }

  /** Has every chart drawn, seen or not, and then the browser print. */
  async print() {
    if (this.#preparing) return;
    this.#preparing = true;
    this.#dress();
    for (const panel of this.#panels) panel.keep(true);
    const late = performance.now() + PREPARED_MS;
    while (performance.now() < late && !this.#panels.every(settled)) await pause();
    this.#preparing = false;
    if (this.#dashboard.isConnected) globalThis.print();
  }

  /** @returns {any[]} */
  get #panels() {
    return [...this.#dashboard.querySelectorAll("vital-panel")];
  }

  /** The browser's own key: with it, charts below the edge of the screen would be missing. */
  #pressed = (event) => {
    const { key, ctrlKey, metaKey, shiftKey, altKey } = event;
    if (!(ctrlKey || metaKey) || shiftKey || altKey || key.toLowerCase() !== "p") return;
    event.preventDefault();
    this.print();
  };

  /** As wide as paper and in its colours, and drawn so before this returns: the browser waits for no frame. */
  #dress = () => {
    const { documentElement: root } = document;
    if (this.#theme === null) {
      this.#theme = root.dataset.theme;
      root.dataset.theme = "light";
      root.classList.add("printing");
      this.#dashboard.prepend(this.#head);
    }
    const now = this.#clock.now();
    this.#head.replaceChildren(h("strong", {}, this.#host()), h("span", {}, timeWords(this.#view, now)), h("small", {}, `Vitalcast, printed ${stampOf(Date.now())}`));
    fill(this.#panels);
    for (const panel of this.#panels) {
      const plot = panel.querySelector(DRAWS);
      plot?.measure();
      plot?.invalidate();
      panel.drawNow();
    }
  };

  #undress = () => {
    if (this.#theme === null || this.#preparing) return;
    const { documentElement: root } = document;
    root.classList.remove("printing");
    if (this.#theme === undefined) delete root.dataset.theme;
    else root.dataset.theme = this.#theme;
    this.#theme = null;
    this.#head.remove();
    for (const panel of this.#panels) {
      panel.classList.remove("alone");
      panel.keep(false);
    }
  };
}

/** Two stand in a line of paper; one without another beside it has the line. @param {HTMLElement[]} panels */
function fill(panels) {
  /** @type {HTMLElement|null} */ let first = null;
  for (const panel of panels) {
    panel.classList.remove("alone");
    if (!panel.checkVisibility()) continue;
    if (first && (panel.classList.contains("wide") || panel.parentElement !== first.parentElement)) {
      first.classList.add("alone");
      first = null;
    }
    if (!panel.classList.contains("wide")) first = first ? null : panel;
  }
  first?.classList.add("alone");
}

/** Whether there is nothing more to wait for: it is drawn, says why it is not, or has nothing to show. */
function settled(panel) {
  const plot = panel.querySelector(DRAWS);
  if (!plot?.checkVisibility() || panel.querySelector(".canvas .problem:not([hidden])")) return true;
  return plot.counts.full > 0 && !plot.busy && panel.past.state === "";
}

/**
 * Which time is printed, with its zone.
 *
 * @param {{window: (now: number) => {from: number, to: number, live: boolean}, at: number|null}} view @param {number} now Unix ms
 */
export function timeWords(view, now) {
  const { from, to, live } = view.window(now);
  const [since, until] = [stampOf(from), stampOf(to)];
  const day = since.slice(0, 10) === until.slice(0, 10);
  const at = view.at === null ? "" : `, values of ${stampOf(view.at)}`;
  return `${since} to ${day ? until.slice(11) : until} (${zoneWords(to)})${live ? ", live" : ""}${at}`;
}

/** In the reader's zone, to the second. @param {number} ms */
function stampOf(ms) {
  const at = new Date(ms);
  const two = (number) => String(number).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** @param {number} ms at which the offset holds */
function zoneWords(ms) {
  const ahead = -new Date(ms).getTimezoneOffset();
  const [hours, minutes] = [Math.floor(Math.abs(ahead) / 60), Math.abs(ahead) % 60];
  const offset = `UTC${ahead < 0 ? "\u2212" : "+"}${hours}${minutes ? `:${String(minutes).padStart(2, "0")}` : ""}`;
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return !name || name === "UTC" ? (ahead ? offset : "UTC") : `${name}, ${offset}`;
}

const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
