/** One number of the vitals strip: its label, its value at the moment that is looked at, whether it is alarming, its course. */

import { formatAge } from "../charts/model/format.js";
import { headlineAt } from "../charts/model/headline.js";
import { layoutOf } from "../charts/model/lines.js";
import { ofColumn, sparkPoints, sparkReach } from "../charts/model/sparkline_model.js";
import { h, setText, setTitle } from "../dom/html.js";
import { valuesAt } from "../charts/model/values_at.js";
import { numbersOf } from "./second_numbers.js";
import { Sparkline } from "../charts/sparkline.js";

const WINDOW_S = 60;
/** Once a second, and not twice where one reading is a little late and the next one is not. */
const DRAWN_EVERY_MS = 900;
/** The past is asked for by so many parts of a range: a pointer that moves within one asks for nothing more. */
const PARTS = 4;

/**
 * The moment whose number is to be seen and the window about it; null for now. A pause moves nothing: the line goes on
 * being that of the last minute.
 *
 * @param {import("./view.js").View} view @param {number} now Unix ms
 */
export function lookedAt({ moment, frozen, paused, range }, now) {
  if (moment === null && !frozen) return null;
  if (paused) return { moment: moment ?? frozen.to, window: { from: frozen.to - 1000 * WINDOW_S, to: frozen.to, live: false } };
  if (frozen) return { moment: moment ?? frozen.to, window: { ...frozen, live: false } };
  const partMs = (1000 * range) / PARTS;
  const to = Math.ceil(now / partMs) * partMs;
  return { moment, window: { from: to - (PARTS + 1) * partMs, to, live: false } };
}

export class VitalCell {
  /**
   * @param {{panel: import("../charts/model/panel.js").Panel, client: import("../client/client.js").Client,
   *          past?: import("./past.js").Past|null, events?: import("./event_log.js").EventLog|null, intervalS?: number}} parts
   *   events: which know the programs behind a level; intervalS: between two values of the view
   */
  constructor({ panel, client, past = null, events = null, intervalS = 1 }) {
    this.#events = events;
    this.panel = panel;
    this.#clock = client.clock;
    // No panel's id begins so.
    this.stream = client.subscribe(numbersOf(panel, intervalS), { name: `@vital-${panel.id}`, windowS: WINDOW_S });
    this.past = past?.of(panel, this.stream) ?? null;
    this.#spark = new Sparkline();
    const { number, unit, what, state } = this.#parts;
    const value = h("span", { class: "value" }, number, unit);
    this.#link = h(
      "a",
      { href: `#panel-${panel.id}` },
      h("span", { class: "label" }, panel.vital ?? ""),
      " ",
      state,
      " ",
      value,
      " ",
      what,
      h("span", { class: "unseen" }, ", go to panel"),
      this.#spark.element,
    );
    this.element = h("li", { hidden: true }, this.#link);
  }

  #clock;
  #events;
  #link;
  #spark;
  #parts = {
    number: h("b"),
    unit: h("small"),
    what: h("span", { class: "what" }),
    state: h("span", { class: "state" }),
  };
  #drawnAt = -Infinity;
  /** @type {import("../charts/model/headline.js").Level} */ level = "";

  /** The view has another rate: its panel's number is of as long as this one. @param {number} intervalS */
  tune(intervalS) {
    this.stream.update({ interval: numbersOf(this.panel, intervalS).interval });
  }

  /** Whether what it shows is old. */
  isLate() {
    return this.stream.stale;
  }

  /** @param {ReturnType<typeof lookedAt>} [looked] */
  draw(looked = null) {
    const { store } = this.stream;
    const layout = layoutOf(store);
    const now = layout && headlineAt(layout, store.ring);
    this.element.hidden = !now || Number.isNaN(now.value) || this.stream.refusal !== null;
    if (!layout || !now || this.element.hidden) return;
    if (looked && this.past) {
      this.#drawThen(looked);
      return;
    }
    this.past?.rest();
    const late = this.isLate();
    const cause = (!late && now.level && this.#events?.causeOf(this.panel, null).join(", ")) || "";
    this.#write(now, late ? formatAge(this.stream.ageS) : cause || layout.headline.label, [now.rule, cause].filter(Boolean).join(": "));
    this.#mark(late, late ? "" : now.level);
    this.#drawSpark(layout.headline, late);
  }

  /** The number of a moment that is past, or why there is none; the line is that of the window about it. */
  #drawThen({ moment, window }) {
    const past = /** @type {import("./panel_past.js").PanelPast} */ (this.past);
    // What came live in the last minute needs no asking.
    const { ring: own } = this.stream.store;
    const store = own.length && moment >= own.time(0) ? this.stream.store : past.store(window);
    const layout = layoutOf(store) ?? layoutOf(this.stream.store);
    if (!layout) return;
    const { time, why } = valuesAt({ store, lines: layout.lines, time: moment });
    const row = Number.isNaN(time) ? -1 : store.ring.firstAtOrAfter(time);
    const then = headlineAt(layout, store.ring, row);
    const cause = (then.level && this.#events?.causeOf(this.panel, moment).join(", ")) || "";
    const words = row < 0 ? (past.state === "asking" ? "loading" : why) : cause || layout.headline.label;
    this.#write(then, words, row < 0 ? words : [then.rule, cause].filter(Boolean).join(": "));
    this.#mark(false, then.level);
    const points = sparkPoints(store.ring, ofColumn(layout.headline.column));
    this.#drawnAt = -Infinity;
    this.#spark.draw(points, { ...window, ...sparkReach(layout.headline.end, points.values) });
  }

  #write({ vital }, what, title) {
    const [number, unit = ""] = vital.text.split("\u00a0");
    setText(this.#parts.number, number);
    setText(this.#parts.unit, unit && `\u00a0${unit}`);
    setText(this.#parts.what, what);
    setTitle(this.#link, title);
  }

  #mark(late, level) {
    this.level = level;
    const { classList } = this.#link;
    classList.toggle("late", late);
    if (classList.contains("warning") !== (level === "warning")) classList.toggle("warning");
    if (classList.contains("critical") !== (level === "critical")) classList.toggle("critical");
    setText(this.#parts.state, level);
  }

  /** Of old data the line ends where the data end, and moves away from now. */
  #drawSpark({ column, end }, late) {
    if (performance.now() - this.#drawnAt < DRAWN_EVERY_MS) return;
    this.#drawnAt = performance.now();
    const points = sparkPoints(this.stream.store.ring, ofColumn(column));
    const to = late ? this.#clock.now() : this.stream.newest;
    this.#spark.draw(points, { from: to - WINDOW_S * 1000, to, ...sparkReach(end, points.values) });
  }
}
