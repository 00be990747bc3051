/** `<vital-process>`: what is known of one process: its lines over the window, and where it belongs. */

import { formatDuration, formatValue, NO_READING } from "../charts/model/format.js";
import { momentWords, windowWords } from "../charts/model/time_words.js";
import { sparkReach } from "../charts/model/sparkline_model.js";
import { Sparkline } from "../charts/sparkline.js";
import { h, setText } from "../dom/html.js";
import { LINES, courseOf, courseQuestion, recordedWords } from "../page/process_course.js";

/** While time goes on, its lines are asked for again. */
const AGAIN_MS = 10_000;
const FULL_MIN = Object.freeze({ cpu: 0.1, memory: 2 ** 20, read: 4096, write: 4096 });

/**
 * Set `client`, `view` and `process` before it is connected. Events: `leave`, it is to be closed; `process`, whose detail
 * is a pid: another is to be shown.
 */
export class VitalProcess extends HTMLElement {
  /** @type {import("../client/client.js").Client} */ client;
  /** @type {import("../page/view.js").View} */ view;
  /** @type {{pid: number, name: string, started: number|null, user?: string|null, unit?: string|null, parent?: number|null, parentName?: string|null,
   *          threads?: number|null, state?: string|null, command?: string|null, ended?: boolean}} */ process;

  #asked = 0;
  /** @type {any} */ #again;
  /** @type {Map<string, {spark: Sparkline, value: HTMLElement}>} */ #charts = new Map();
  /** @type {Record<"window"|"note", HTMLElement>} */ #parts;

  connectedCallback() {
    this.#build();
    this.view.addEventListener("change", this.#turned);
    this.addEventListener("click", this.#clicked);
    this.#ask();
    this.#again = setInterval(() => this.view.frozen || document.hidden || this.#ask(), AGAIN_MS);
  }

  disconnectedCallback() {
    clearInterval(this.#again);
    this.removeEventListener("click", this.#clicked);
    this.view.removeEventListener("change", this.#turned);
    this.#asked += 1;
    this.replaceChildren();
  }

  #build() {
    const { pid, name } = this.process;
    this.setAttribute("role", "group");
    this.setAttribute("aria-label", `${name}, process ${pid}`);
    this.#parts = { window: h("span", { class: "window" }), note: h("p", { class: "note-of" }) };
    this.#charts = new Map(LINES.map(({ column }) => [column, { spark: new Sparkline(), value: h("b", {}, NO_READING) }]));
    this.replaceChildren(
      h("header", {}, h("strong", {}, name), h("span", {}, `PID ${pid}`), this.#parts.window, h("button", { type: "button", class: "leave", "aria-label": "Close" }, "\u00d7")),
      h("dl", {}, ...this.#facts()),
      h("div", { class: "lines" }, ...LINES.map(({ column, label }) => this.#figure(column, label))),
      this.#parts.note,
    );
  }

  #figure(column, label) {
    const { spark, value } = /** @type {{spark: Sparkline, value: HTMLElement}} */ (this.#charts.get(column));
    return h("figure", {}, h("figcaption", {}, label, " ", value), spark.element);
  }

  #facts() {
    const { parent, parentName, unit, user, started, threads, state, command, ended } = this.process;
    const now = this.client.clock.now();
    const since = started === null ? null : `${momentWords(started, now, { seconds: true })}, ${formatDuration(Math.max(0, Math.floor((now - started) / 1000)))} ago`;
    const link = parent ? h("button", { type: "button", class: "parent", "data-pid": parent }, parentName ? `${parentName}, PID ${parent}` : `PID ${parent}`) : null;
    return [
      ["Started", since],
      ["Started by", link],
      ["Unit or container", unit],
      ["User", user],
      ["Threads", threads],
      ["State", ended ? "ended" : state],
      ["Command line", command],
    ].flatMap(([label, value]) => (value === null || value === undefined || value === "" ? [] : [h("div", {}, h("dt", {}, String(label)), h("dd", {}, value instanceof Node ? value : String(value)))]));
  }

  #turned = ({ detail }) => {
    if (["range", "frozen"].some((key) => detail.has(key))) this.#ask();
  };

  #clicked = (event) => {
    const button = event.target.closest("button");
    if (button?.classList.contains("leave")) this.dispatchEvent(new CustomEvent("leave", { bubbles: true }));
    if (button?.dataset.pid) this.dispatchEvent(new CustomEvent("process", { bubbles: true, detail: Number(button.dataset.pid) }));
  };

  async #ask() {
    this.#asked += 1;
    const asked = this.#asked;
    const window = this.view.window(this.client.clock.now());
    let answer;
    try {
      answer = await this.client.query(courseQuestion(this.process.pid, window));
    } catch (error) {
      if (asked === this.#asked) setText(this.#parts.note, `Its past could not be read: ${error.message}.`);
      return;
    }
    if (asked === this.#asked) this.#draw(answer, window);
  }

  #draw(answer, window) {
    const { lines, steps } = courseOf(answer, this.process.started);
    const { from, to } = window;
    setText(this.#parts.window, windowWords({ from, to }, this.client.clock.now()));
    for (const { column, unit } of LINES) {
      const { spark, value } = /** @type {{spark: Sparkline, value: HTMLElement}} */ (this.#charts.get(column));
      const line = lines[column];
      spark.draw(line, { from, to, ...sparkReach(FULL_MIN[column], line.values) });
      setText(value, Number.isNaN(line.peak) ? NO_READING : `up to ${formatValue(line.peak, unit)}`);
    }
    this.classList.toggle("unrecorded", steps === 0);
    setText(this.#parts.note, recordedWords(steps));
  }
}
