/** One number of the vitals strip: its label, its value, whether it is alarming, and its last minute. */

import { formatAge } from "../charts/model/format.js";
import { headlineOf } from "../charts/model/headline.js";
import { readingOf } from "../charts/model/lines.js";
import { vitalRequestOf } from "../charts/model/panel.js";
import { SparkPoints, lastingLevel, sparkReach } from "../charts/model/sparkline_model.js";
import { h, setText } from "../dom/html.js";
import { Sparkline } from "../charts/sparkline.js";

const WINDOW_S = 60;
/** Once a second, and not twice where one reading is a little late and the next one is not. */
const DRAWN_EVERY_MS = 900;

export class VitalCell {
  /** @param {{panel: import("../charts/model/panel.js").Panel, client: import("../client/client.js").Client}} parts */
  constructor({ panel, client }) {
    this.panel = panel;
    this.#clock = client.clock;
    // No panel's id begins so.
    this.stream = client.subscribe(vitalRequestOf(panel, { windowS: WINDOW_S }), { name: `@vital-${panel.id}`, windowS: WINDOW_S });
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
  #link;
  #spark;
  #points = new SparkPoints();
  #parts = {
    number: h("b"),
    unit: h("small"),
    what: h("span", { class: "what" }),
    state: h("span", { class: "state" }),
  };
  /** @type {import("../client/protocol.js").Series[]|null} */ #series = null;
  /** @type {import("../charts/model/lines.js").Reading} */ #reading;
  #drawnAt = -Infinity;
  /** @type {import("../charts/model/headline.js").Level} */ level = "";

  /** Whether what it shows is old. */
  isLate() {
    return this.stream.stale;
  }

  draw() {
    const { store } = this.stream;
    const reading = this.#read(store.series);
    const now = headlineOf(this.panel, reading, store.ring);
    this.element.hidden = Number.isNaN(now.value) || this.stream.refusal !== null;
    if (this.element.hidden) return;
    const late = this.isLate();
    const [number, unit = ""] = now.vital.text.split("\u00a0");
    setText(this.#parts.number, number);
    setText(this.#parts.unit, unit && `\u00a0${unit}`);
    setText(this.#parts.what, late ? formatAge(this.stream.ageS) : (this.panel.headline?.label ?? ""));
    this.#mark(late, late ? "" : lastingLevel(this.panel, reading, store.ring, now));
    this.#drawSpark(reading, now, late);
  }

  /** @returns {import("../charts/model/lines.js").Reading} made anew only where series came or went */
  #read(series) {
    if (series !== this.#series) {
      this.#series = series;
      this.#reading = readingOf(this.panel, series, new Map());
    }
    return this.#reading;
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
  #drawSpark(reading, now, late) {
    if (performance.now() - this.#drawnAt < DRAWN_EVERY_MS) return;
    this.#drawnAt = performance.now();
    const points = this.#points.read(this.panel, reading, this.stream.store.ring);
    const to = late ? this.#clock.now() : this.stream.newest;
    this.#spark.draw(points, { from: to - WINDOW_S * 1000, to, ...sparkReach(this.panel, now, points.values) });
  }
}
