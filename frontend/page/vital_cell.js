/** One number of the vitals strip: its label, its value, whether it is alarming, and its last minute. */

import { formatAge } from "../charts/model/format.js";
import { headlineAt } from "../charts/model/headline.js";
import { layoutOf } from "../charts/model/lines.js";
import { requestOf } from "../charts/model/panel.js";
import { ofColumn, sparkPoints, sparkReach } from "../charts/model/sparkline_model.js";
import { h, setText } from "../dom/html.js";
import { Sparkline } from "../charts/sparkline.js";

const WINDOW_S = 60;
/** Once a second, and not twice where one reading is a little late and the next one is not. */
const DRAWN_EVERY_MS = 900;

export class VitalCell {
  /**
   * @param {{panel: import("../charts/model/panel.js").Panel, client: import("../client/client.js").Client,
   *          events?: import("./event_log.js").EventLog|null}} parts events: which know the programs behind a level
   */
  constructor({ panel, client, events = null }) {
    this.#events = events;
    this.panel = panel;
    this.#clock = client.clock;
    // No panel's id begins so.
    this.stream = client.subscribe(requestOf(panel, { intervalS: 1, windowS: WINDOW_S }), { name: `@vital-${panel.id}`, windowS: WINDOW_S });
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

  /** Whether what it shows is old. */
  isLate() {
    return this.stream.stale;
  }

  draw() {
    const { store } = this.stream;
    const layout = layoutOf(store);
    const now = layout && headlineAt(layout, store.ring);
    this.element.hidden = !now || Number.isNaN(now.value) || this.stream.refusal !== null;
    if (!layout || !now || this.element.hidden) return;
    const late = this.isLate();
    const [number, unit = ""] = now.vital.text.split("\u00a0");
    setText(this.#parts.number, number);
    setText(this.#parts.unit, unit && `\u00a0${unit}`);
    const cause = (!late && now.level && this.#events?.causeOf(this.panel.id, null).join(", ")) || "";
    setText(this.#parts.what, late ? formatAge(this.stream.ageS) : cause || layout.headline.label);
    this.#link.title = [now.rule, cause].filter(Boolean).join(": ");
    this.#mark(late, late ? "" : now.level);
    this.#drawSpark(layout.headline, late);
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
