/** `<vital-panel>`: one chart with its title, its numbers, its legend, and what went wrong. */

import { formatAge, formatValue } from "../core/format.js";
import { headlineOf, linesOf, newestOf, pictureOf, summaryOf, wholeOf } from "../core/picture.js";
import { errorWords } from "../core/protocol.js";
import { CalmRange } from "../core/scale.js";
import { staleAfterS } from "../core/status.js";
import { everyBeat, forgetFrame, nextFrame } from "./frames.js";
import { h, setText } from "./html.js";

/** Nobody reads digits that change faster; the chart itself takes every reading. */
const NUMBERS_EVERY_MS = 240;
const CHOOSE_EVERY_MS = 5000;
const SUMMARY_EVERY_MS = 10_000;
/** Drawn a little before it is scrolled to. */
const NEARLY_IN_VIEW = Object.freeze({ rootMargin: "50%" });

/**
 * Set `definition`, `stream` and `clock` before it is connected.
 */
export class VitalPanel extends HTMLElement {
  /** @type {import("../core/panels.js").Panel} */ definition;
  /** @type {import("../core/session.js").SeriesStream} */ stream;
  /** @type {import("../core/clock.js").ServerClock} */ clock;

  #range = new CalmRange();
  /** @type {Map<string, number>} */ #colors = new Map();
  /** @type {ReturnType<typeof linesOf>} all that the stream has */ #read = { lines: [], rest: [], limit: -1 };
  /** @type {import("../core/picture.js").Line[]} those drawn */ #lines = [];
  #idle = 0;
  #keys = "";
  #chosenAt = -Infinity;
  #summedUpAt = -Infinity;
  #writtenAt = -Infinity;
  #inView = true;
  #drawnTo = NaN;
  /** @type {IntersectionObserver|null} */ #views = null;
  /** @type {() => void} */ #stopBeat = () => {};

  /** @type {any} */ #plot;
  /** @type {HTMLElement} */ #headline;
  /** @type {HTMLElement} */ #legend;
  /** @type {HTMLElement} */ #problem;
  /** @type {HTMLElement} */ #age;
  /** @type {HTMLElement} */ #summary;
  /** @type {{value: Text|HTMLElement, line: number}[]} */ #cells = [];

  connectedCallback() {
    this.#build();
    this.stream.addEventListener("change", this.#changed);
    this.stream.addEventListener("refused", this.#changed);
    this.#plot.addEventListener("resized", this.#changed);
    this.#plot.addEventListener("failed", this.#failed);
    this.#views = new IntersectionObserver((entries) => {
      this.#inView = entries.at(-1)?.isIntersecting ?? true;
      if (this.#inView) this.#changed();
    }, NEARLY_IN_VIEW);
    this.#views.observe(this);
    this.#stopBeat = everyBeat(() => this.#beat());
    this.#changed();
  }

  disconnectedCallback() {
    this.#stopBeat();
    this.#views?.disconnect();
    this.#plot.removeEventListener("failed", this.#failed);
    this.#plot.removeEventListener("resized", this.#changed);
    this.stream.removeEventListener("refused", this.#changed);
    this.stream.removeEventListener("change", this.#changed);
    forgetFrame(this.#draw);
    this.replaceChildren();
  }

  #build() {
    const { id, title, direction } = this.definition;
    this.#headline = h("p", { class: direction ? "headline directions" : "headline" });
    this.#age = h("span", { class: "age", hidden: true });
    this.#legend = h("ul", { class: "legend", "aria-label": `${title}: lines and their newest values` });
    this.#problem = h("p", { class: "problem", role: "status", hidden: true });
    this.#summary = h("p", { class: "unseen", id: `${id}-summary` }, `${title}: no readings yet.`);
    this.#plot = h("vital-plot", { role: "img", "aria-label": `${title}, live chart`, "aria-describedby": `${id}-summary` });
    this.setAttribute("role", "region");
    this.setAttribute("aria-labelledby", `${id}-title`);
    this.replaceChildren(
      h("header", {}, h("h2", { id: `${id}-title` }, title), this.#age, this.#headline),
      h("div", { class: "canvas" }, this.#plot, this.#problem),
      this.#summary,
      this.#legend,
    );
  }

  #changed = () => {
    if (this.#inView) nextFrame(this.#draw);
  };

  #failed = (event) => this.#say(`${event.detail.message}. Reload the page to try again.`);

  /** Nothing may have arrived: the chart moves on all the same, so that a standstill shows. */
  #beat() {
    const { newest, intervalS } = this.stream.store;
    const ageS = (this.clock.now() - newest) / 1000;
    const stale = ageS > staleAfterS(intervalS);
    this.#age.hidden = !stale;
    this.classList.toggle("stale", stale);
    if (stale) setText(this.#age, formatAge(ageS));
    if (stale && this.#inView && !document.hidden && this.clock.now() - this.#drawnTo >= 1000) nextFrame(this.#draw);
  }

  #draw = () => {
    const { store, refusal } = this.stream;
    this.#say(refusal ? `${errorWords(refusal)}.` : "");
    if (!store.ring.length) return;
    this.#choose();
    if (Math.abs(store.newest - this.#writtenAt) >= NUMBERS_EVERY_MS) this.#writeNumbers();
    const now = this.clock.now();
    const ageS = (now - store.newest) / 1000;
    const to = ageS > staleAfterS(store.intervalS) ? Math.floor(now / 1000) * 1000 : store.newest;
    this.#drawnTo = to;
    this.#plot.draw(
      pictureOf({
        panel: this.definition,
        store,
        lines: this.#lines,
        whole: wholeOf(this.definition, store.ring, this.#read),
        range: this.#range,
        to,
        ...this.#plot.area,
      }),
    );
  };

  /** Settles which lines are drawn: all modes and states, but only the devices that do something. */
  #choose() {
    const { store } = this.stream;
    const keys = store.keys.join("\n");
    const now = store.newest;
    if (keys !== this.#keys) {
      this.#keys = keys;
      this.#read = linesOf(this.definition, store.series, this.#colors);
      this.#chosenAt = -Infinity;
    }
    if (now - this.#chosenAt < CHOOSE_EVERY_MS && now >= this.#chosenAt) return;
    this.#chosenAt = now;
    const chosen = busiest(this.#read.lines, store.ring, this.definition.linesMax ?? Infinity);
    this.#idle = new Set(this.#read.lines.map(({ key }) => key)).size - new Set(chosen.map(({ key }) => key)).size;
    const same = chosen.length === this.#lines.length && chosen.every((line, i) => line === this.#lines[i]);
    if (same && this.#cells.length) return;
    this.#lines = chosen;
    this.#writtenAt = -Infinity;
    this.#buildLegend();
  }

  #buildLegend() {
    this.#cells = [];
    const items = new Map();
    // The stack's uppermost band comes first, as the eye meets it.
    const order = this.definition.shape === "stack" ? [...this.#lines].reverse() : this.#lines;
    for (const line of order) {
      let item = items.get(line.key);
      if (!item) {
        item = h("li", {}, h("i", { class: `swatch c${line.color}`, "aria-hidden": "true" }), h("span", { class: "label", title: line.label }, line.label));
        items.set(line.key, item);
      }
      const { direction, downLabel, upLabel } = this.definition;
      const value = h("span");
      item.append(h("span", { class: "value" }, ...(direction ? [mark(line.down, line.down ? downLabel : upLabel)] : []), value));
      this.#cells.push({ value, line: this.#lines.indexOf(line) });
    }
    this.#legend.replaceChildren(...items.values());
    this.#legend.classList.toggle("paired", this.definition.direction !== undefined);
    if (this.#idle) this.#legend.append(h("li", { class: "idle" }, `${this.#idle} idle`));
  }

  #writeNumbers() {
    const { ring } = this.stream.store;
    this.#writtenAt = this.stream.store.newest;
    const newest = newestOf(ring, this.#lines);
    for (const { value, line } of this.#cells) setText(value, formatValue(newest[line], this.definition.unit));
    const { lines } = this.#read;
    const whole = wholeOf(this.definition, ring, this.#read);
    const parts = headlineOf(this.definition, lines, newestOf(ring, lines), whole);
    if (this.#headline.children.length !== parts.length) {
      this.#headline.replaceChildren(
        ...parts.map((_, i) => h("span", {}, this.definition.direction ? mark(i === 1, "") : "", h("b"), h("small"))),
      );
    }
    parts.forEach(({ value, label }, i) => {
      const part = this.#headline.children[i];
      setText(/** @type {Element} */ (part.querySelector("b")), value);
      setText(/** @type {Element} */ (part.querySelector("small")), label);
    });
    // Written rarely: a text that changes each second is no help to a screen reader.
    const now = this.stream.store.newest;
    if (Math.abs(now - this.#summedUpAt) < SUMMARY_EVERY_MS) return;
    this.#summedUpAt = now;
    setText(this.#summary, summaryOf(this.definition, this.#lines, newest, this.stream.store.windowS));
  }

  #say(words) {
    this.#problem.hidden = !words;
    setText(this.#problem, words);
  }
}

function mark(down, words) {
  const sign = h("i", { class: down ? "mark down" : "mark", "aria-hidden": "true" });
  return words ? h("span", {}, sign, h("span", { class: "unseen" }, words)) : sign;
}

/** The lines of the `most` keys with the highest peaks, without those at rest; some, where all are. */
function busiest(lines, ring, most) {
  if (most === Infinity) return lines;
  /** @type {Map<string, number>} */ const peaks = new Map();
  for (const { key, column } of lines) {
    let peak = peaks.get(key) ?? 0;
    for (let row = 0; row < ring.length; row += 1) peak = Math.max(peak, ring.value(column, row) || 0);
    peaks.set(key, peak);
  }
  const byPeak = [...peaks].sort((a, b) => b[1] - a[1]);
  const busy = byPeak.filter(([, peak]) => peak > 0).slice(0, most);
  const kept = new Set((busy.length ? busy : byPeak.slice(0, 3)).map(([key]) => key));
  return lines.filter(({ key }) => kept.has(key));
}

