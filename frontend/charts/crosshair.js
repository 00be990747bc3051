/** `<vital-crosshair>`: what a pointer does over a chart: reads a moment, picks a window, goes back to live. */

import { formatClock } from "./model/format.js";
import { h, setText } from "../dom/html.js";

/** A shorter drag is a click whose hand shook, in pixels. */
const DRAG_MIN = 5;
/** No window is shorter: nothing would be left to see. */
const WINDOW_MIN_MS = 1000;
/** Beside the drawing area the pointer still means its edge, in pixels. */
const BESIDE = 12;

/**
 * Lies over a `<vital-plot>`. Set `plot` and `view` before it is connected. The moment that is pointed at goes into
 * `view.hover`, for all charts; each shows it as a line. A drag freezes the view to the window it picked, a double
 * click sets it live. Where nothing is known, the chart is hatched.
 */
export class VitalCrosshair extends HTMLElement {
  /** @type {import("./plot.js").VitalPlot} */ plot;
  /** @type {import("../page/view.js").View} */ view;

  /** @type {HTMLElement} */ #line;
  /** @type {HTMLElement} */ #moment;
  /** @type {HTMLElement} */ #selection;
  /** @type {HTMLElement[]} */ #breaks = [];
  #hatched = "";
  /** Where a mouse rests, in pixels from this element's left edge; NaN for none. */ #pointed = NaN;
  #frame = 0;
  /** @type {{id: number, x: number, time: number, moved: boolean}|null} */ #drag = null;
  /** @type {{id: number, x: number, y: number}|null} a finger that taps or slides, as long as it does not scroll */ #touch = null;

  connectedCallback() {
    this.setAttribute("aria-hidden", "true");
    this.#line = h("div", { class: "line", hidden: true });
    this.#moment = h("div", { class: "moment", hidden: true });
    this.#selection = h("div", { class: "selection", hidden: true });
    this.replaceChildren(this.#selection, this.#line, this.#moment);
    for (const [type, listener] of this.#listeners) this.addEventListener(type, listener);
    this.view.addEventListener("change", this.#viewChanged);
    this.plot.addEventListener("drawn", this.#drawn);
    this.#drawn();
  }

  disconnectedCallback() {
    this.plot.removeEventListener("drawn", this.#drawn);
    this.view.removeEventListener("change", this.#viewChanged);
    for (const [type, listener] of this.#listeners) this.removeEventListener(type, listener);
    this.#endDrag();
    this.#watchElsewhere(false);
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (!Number.isNaN(this.#pointed)) this.view.set({ hover: null });
    this.#pointed = NaN;
    this.#breaks = [];
    this.#hatched = "";
    this.replaceChildren();
  }

  /** @type {[string, (event: any) => void][]} */
  #listeners = [
    ["pointerdown", (event) => this.#pressed(event)],
    ["pointermove", (event) => this.#moved(event)],
    ["pointerup", (event) => this.#released(event)],
    ["pointercancel", (event) => this.#cancelled(event)],
    ["pointerleave", (event) => this.#left(event)],
    ["dblclick", () => this.view.live()],
  ];

  #viewChanged = ({ detail }) => {
    if (detail.has("hover")) this.#showMoment();
  };

  /** The window has moved on: what marks a moment moves with it, and a mouse at rest points at a later one. */
  #drawn = () => {
    // Over a chart without time it would only be in the way.
    this.hidden = this.plot.window === null;
    if (this.hidden) return;
    this.#showBreaks();
    if (!Number.isNaN(this.#pointed)) this.#aim();
    if (this.#drag?.moved) this.#showSelection();
    if (this.view.hover !== null) this.#showMoment();
  };

  #pressed(event) {
    if (event.pointerType === "touch") {
      this.#touch = { id: event.pointerId, x: event.clientX, y: event.clientY };
      return;
    }
    const x = this.#placeOf(event);
    const time = this.#timeAt(x);
    if (event.button !== 0 || Number.isNaN(time)) return;
    this.setPointerCapture(event.pointerId);
    this.#drag = { id: event.pointerId, x, time, moved: false };
    globalThis.addEventListener("keydown", this.#keyed, true);
  }

  #moved(event) {
    if (event.pointerType === "touch" && !this.#slides(event)) return;
    const x = this.#placeOf(event);
    if (this.#drag && Math.abs(x - this.#drag.x) >= DRAG_MIN) this.#drag.moved = true;
    this.#pointed = x;
    // However often a pointer reports, a frame shows one moment.
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#aim();
      if (this.#drag?.moved) this.#showSelection();
      if (event.pointerType === "touch") this.#hold();
    });
  }

  /** The first move of a finger that is about to scroll comes here before the page takes it over. */
  #slides({ pointerId, clientX, clientY }) {
    return this.#touch?.id === pointerId && Math.abs(clientX - this.#touch.x) > Math.abs(clientY - this.#touch.y);
  }

  #released(event) {
    if (event.pointerType === "touch") {
      if (this.#touch?.id !== event.pointerId) return;
      this.#pointed = this.#placeOf(event);
      this.#aim();
      this.#hold();
      this.#touch = null;
      return;
    }
    const drag = this.#drag;
    const time = this.#timeAt(this.#placeOf(event));
    this.#endDrag();
    if (!drag?.moved || Number.isNaN(time)) return;
    const [from, to] = [drag.time, time].sort((a, b) => a - b).map(Math.round);
    if (to - from >= WINDOW_MIN_MS) this.view.set({ frozen: { from, to } });
  }

  #cancelled(event) {
    // The page took the touch over to scroll.
    if (event.pointerId === this.#touch?.id) this.#touch = null;
    this.#endDrag();
  }

  #left(event) {
    if (event.pointerType === "touch") return;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#pointed = NaN;
    this.view.set({ hover: null });
  }

  /** Escape ends the drag and nothing else. */
  #keyed = (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    event.preventDefault();
    this.#endDrag();
  };

  #endDrag() {
    if (!this.#drag) return;
    if (this.hasPointerCapture(this.#drag.id)) this.releasePointerCapture(this.#drag.id);
    this.#drag = null;
    globalThis.removeEventListener("keydown", this.#keyed, true);
    this.#selection.hidden = true;
  }

  /** A finger that has left keeps its moment until another touches the page elsewhere. */
  #hold() {
    this.#pointed = NaN;
    this.#watchElsewhere(true);
  }

  #watchElsewhere(on) {
    if (on) document.addEventListener("pointerdown", this.#touchedElsewhere);
    else document.removeEventListener("pointerdown", this.#touchedElsewhere);
  }

  #touchedElsewhere = (event) => {
    // In the shadow of another element the target is that element.
    const [target] = event.composedPath();
    if (target === this) return;
    this.#watchElsewhere(false);
    if (!(target instanceof VitalCrosshair)) this.view.set({ hover: null });
  };

  /** @returns {number} pixels from this element's left edge */
  #placeOf(event) {
    return event.clientX - this.getBoundingClientRect().left;
  }

  /** @param {number} x pixels from the left edge @returns {number} Unix ms; NaN beside the drawing area */
  #timeAt(x) {
    const { window, area } = this.plot;
    const beside = x < area.left - BESIDE || x > area.left + area.width + BESIDE;
    // While a window is picked the pointer may go anywhere.
    if (!window || (beside && !this.#drag)) return NaN;
    const share = Math.min(1, Math.max(0, (x - area.left) / area.width));
    return window.from + share * (window.to - window.from);
  }

  #xAt(time) {
    const { window, area } = this.plot;
    if (!window) return NaN;
    return area.left + ((time - window.from) / (window.to - window.from)) * area.width;
  }

  #aim() {
    const time = this.#timeAt(this.#pointed);
    this.view.set({ hover: Number.isNaN(time) ? null : time });
  }

  #showMoment() {
    const { hover } = this.view;
    const x = hover === null ? NaN : this.#xAt(hover);
    const { left, top, width, height } = this.plot.area;
    const seen = x >= left - 0.5 && x <= left + width + 0.5;
    this.#line.hidden = this.#moment.hidden = !seen;
    if (!seen || hover === null) return;
    const { style } = this.#line;
    style.top = `${top}px`;
    style.height = `${height}px`;
    style.transform = `translateX(${(x - 0.5).toFixed(1)}px)`;
    this.#moment.style.top = `${top}px`;
    // Beside the line, on the side that has room.
    const onLeft = x > left + width / 2;
    this.#moment.style.transform = `translateX(calc(${x.toFixed(1)}px ${onLeft ? "- 100% - 4px" : "+ 4px"}))`;
    setText(this.#moment, formatClock(hover, { seconds: true }));
  }

  #showSelection() {
    const drag = /** @type {NonNullable<typeof this.#drag>} */ (this.#drag);
    const time = this.#timeAt(this.#pointed);
    if (Number.isNaN(time)) return;
    const { top, height } = this.plot.area;
    this.#span(this.#selection, drag.time, time, top, height);
  }

  /** Puts an element over a span of time, as far as it is in view. */
  #span(element, one, other, top, height) {
    const { left, width } = this.plot.area;
    const inView = (x) => Math.min(left + width, Math.max(left, x));
    const [start, end] = [inView(this.#xAt(one)), inView(this.#xAt(other))].sort((a, b) => a - b);
    const { style } = element;
    element.hidden = !(end - start >= 1);
    style.top = `${top}px`;
    style.height = `${height}px`;
    style.width = `${(end - start).toFixed(1)}px`;
    style.transform = `translateX(${start.toFixed(1)}px)`;
  }

  #showBreaks() {
    const { breaks, window, area } = this.plot;
    if (breaks.length === 0 && this.#breaks.length === 0) return;
    const shown = JSON.stringify([breaks, breaks.length ? [window, area] : null]);
    if (shown === this.#hatched) return;
    this.#hatched = shown;
    while (this.#breaks.length < breaks.length) {
      const hatch = h("div", { class: "break", hidden: true });
      this.#breaks.push(hatch);
      this.prepend(hatch);
    }
    while (this.#breaks.length > breaks.length) this.#breaks.pop()?.remove();
    breaks.forEach(({ from, to }, i) => this.#span(this.#breaks[i], from, to, area.top, area.height));
  }
}
