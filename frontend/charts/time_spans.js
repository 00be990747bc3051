/** Where moments and spans of time lie over a chart, and the hatching of those of which nothing is known. */

import { h, setHidden } from "../dom/html.js";

/** @param {import("./plot.js").VitalPlot} plot @param {number} time Unix ms @returns {number} pixels from the plot's left edge */
export function placeOf({ window, area }, time) {
  if (!window) return NaN;
  return area.left + ((time - window.from) / (window.to - window.from)) * area.width;
}

/** Puts an element over a span of time, as far as it is in view. @param {HTMLElement} element @param {import("./plot.js").VitalPlot} plot */
export function cover(element, plot, one, other) {
  const { left, width, top, height } = plot.area;
  const inView = (x) => Math.min(left + width, Math.max(left, x));
  const [start, end] = [inView(placeOf(plot, one)), inView(placeOf(plot, other))].sort((a, b) => a - b);
  const { style } = element;
  setHidden(element, !(end - start >= 1));
  style.top = `${top}px`;
  style.height = `${height}px`;
  style.width = `${(end - start).toFixed(1)}px`;
  style.transform = `translateX(${start.toFixed(1)}px)`;
}

/** The holes in what a chart shows. */
export class Hatching {
  /** @param {HTMLElement} over what it is drawn in, below all else there @param {import("./plot.js").VitalPlot} plot */
  constructor(over, plot) {
    this.#over = over;
    this.#plot = plot;
  }

  #over;
  #plot;
  /** @type {HTMLElement[]} */ #hatches = [];
  #shown = "";

  draw() {
    const { breaks, window, area } = this.#plot;
    if (breaks.length === 0 && this.#hatches.length === 0) return;
    const shown = JSON.stringify([breaks, breaks.length ? [window, area] : null]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    while (this.#hatches.length < breaks.length) {
      const hatch = h("div", { class: "break", hidden: true });
      this.#hatches.push(hatch);
      this.#over.prepend(hatch);
    }
    while (this.#hatches.length > breaks.length) this.#hatches.pop()?.remove();
    breaks.forEach(({ from, to }, i) => cover(this.#hatches[i], this.#plot, from, to));
  }
}
