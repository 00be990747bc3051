/** Over a chart of programs: names those of the moment that is pointed at, and shows the processes of the one clicked. */

import { bandAt, greatest } from "./model/culprits.js";
import { formatValue } from "./model/format.js";
import { valuesAt } from "./model/values_at.js";
import { exactly } from "./model/table_filter.js";
import { placeOf } from "./time_spans.js";
import { h } from "../dom/html.js";

export class Culprits {
  /**
   * @param {{panel: import("./model/panel.js").Panel, plot: import("./plot.js").VitalPlot, crosshair: HTMLElement,
   *          view: import("../page/view.js").View, shown: () => {store: any, layout: import("./model/lines.js").Layout|null}}} parts
   */
  constructor({ panel, plot, crosshair, view, shown }) {
    this.#panel = panel;
    this.#plot = plot;
    this.#crosshair = crosshair;
    this.#view = view;
    this.#shown = shown;
    this.element = h("ol", { class: "culprits", hidden: true, "aria-hidden": "true" });
    crosshair.addEventListener("chosen", this.#chosen);
  }

  #panel;
  #plot;
  #crosshair;
  #view;
  #shown;

  /** Names the programs of the moment, where a pointer is over this very chart. */
  point() {
    const { hover } = this.#view;
    const { store, layout } = hover !== null && this.#crosshair.matches(":hover") ? this.#shown() : { store: null, layout: null };
    const most = layout && store.ring.length ? greatest(layout.lines, valuesAt({ store, lines: layout.lines, time: /** @type {number} */ (hover) }).values) : [];
    this.element.hidden = !most.length;
    if (!most.length || !layout) return;
    this.element.replaceChildren(...most.map(({ label, color, value }) => h("li", {}, h("i", { class: `swatch c${color}` }), h("span", {}, label), h("b", {}, formatValue(value, layout.unit)))));
    this.#place(placeOf(this.#plot, hover));
  }

  #place(x) {
    const { left, top, width } = this.#plot.area;
    const onLeft = x > left + width / 2;
    this.element.style.top = `${top + 24}px`;
    this.element.style.transform = `translateX(calc(${x.toFixed(1)}px ${onLeft ? "- 100% - 6px" : "+ 6px"}))`;
  }

  /** A click on a program's colour shows its processes of that moment; beside it, those of all again. */
  #chosen = (event) => {
    const { time, y } = /** @type {CustomEvent} */ (event).detail;
    const { model, area } = this.#plot;
    const { layout } = this.#shown();
    if (!layout || model?.kind !== "lines") return;
    const share = (y - this.#plot.getBoundingClientRect().top - area.top) / area.height;
    const key = bandAt(model, time, share);
    const others = this.#panel.others ?? [];
    if (key && !others.includes(key)) this.#view.set({ filter: exactly(key) });
    else if (layout.lines.some((line) => exactly(line.key) === this.#view.filter)) this.#view.set({ filter: "" });
  };
}
