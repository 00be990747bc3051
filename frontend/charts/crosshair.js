/** `<vital-crosshair>`: what a pointer does over a chart: reads and chooses moments, picks a window, goes back to live. */

import { stepWords } from "./model/past_steps.js";
import { momentWords } from "./model/time_words.js";
import { SPAN_MIN_MS } from "./model/zoom.js";
import { MomentMark } from "./moment_mark.js";
import { Hatching, cover, placeOf } from "./time_spans.js";
import { WindowGestures } from "./window_gestures.js";
import { h, setHidden } from "../dom/html.js";

/** A shorter drag is a click whose hand shook, in pixels. */
const DRAG_MIN = 5;
/** Beside the drawing area the pointer still means its edge, in pixels. */
const BESIDE = 12;

/** A longer window is read by the minute. */
const SECONDS_BELOW_MS = 6 * 3_600_000;

/**
 * Lies over a `<vital-plot>`. Set `plot` and `view` before it is connected. Event: `chosen`, whose `detail` has the time
 * and the place of a click, in pixels from the top of the page as it is seen. The moment that is pointed at goes into
 * `view.hover`, for all charts, and that of a click or a tap into `view.at`; each is shown as a line. A drag freezes the
 * view to the window it picked, a double click sets it live. Where nothing is known, the chart is hatched.
 */
export class VitalCrosshair extends HTMLElement {
  /** @type {import("./plot.js").VitalPlot} */ plot;
  /** @type {import("../page/view.js").View} */ view;
  /** @type {{now: () => number}} the server's clock */ clock = Date;
  /** @type {{reaches: number}|null} what tells how far back anything is kept */ past = null;

  #pointedAt = new MomentMark("pointed");
  #chosen = new MomentMark("chosen");
  /** @type {WindowGestures} */ #gestures;
  /** @type {HTMLElement} */ #selection;
  /** @type {Hatching} */ #hatching;
  /** Where a mouse rests, in pixels from this element's left edge; NaN for none. */ #pointed = NaN;
  #frame = 0;
  /** @type {{id: number, x: number, time: number, moved: boolean}|null} */ #drag = null;
  /** @type {{id: number, x: number, y: number, slid: boolean}|null} a finger that taps or slides, as long as it does not scroll */ #touch = null;

  connectedCallback() {
    this.setAttribute("aria-hidden", "true");
    this.#selection = h("div", { class: "selection", hidden: true });
    this.replaceChildren(this.#selection, ...this.#chosen.elements, ...this.#pointedAt.elements);
    const { plot, view } = this;
    this.#hatching = new Hatching(this, plot);
    this.#gestures = new WindowGestures({ element: this, plot, view, limits: () => this.#limits, taken: () => this.#giveUp() });
    this.#gestures.start();
    for (const [type, listener] of this.#listeners) this.addEventListener(type, listener);
    this.view.addEventListener("change", this.#viewChanged);
    this.plot.addEventListener("drawn", this.#drawn);
    this.#drawn();
  }

  disconnectedCallback() {
    this.plot.removeEventListener("drawn", this.#drawn);
    this.view.removeEventListener("change", this.#viewChanged);
    for (const [type, listener] of this.#listeners) this.removeEventListener(type, listener);
    this.#gestures.stop();
    this.#endDrag();
    this.#watchElsewhere(false);
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (!Number.isNaN(this.#pointed)) this.view.set({ hover: null });
    this.#pointed = NaN;
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
    // Somebody else has moved on: a pointer at rest means nothing any more.
    if (detail.has("hover") && this.view.hover === null) this.#pointed = NaN;
    if (detail.has("hover") || detail.has("at")) this.#showMoments();
  };

  get #limits() {
    const { clock, past, plot, view } = this;
    // What is drawn live ends with the newest sample.
    return { earliest: past?.reaches ?? NaN, now: view.frozen || !plot.window ? clock.now() : plot.window.to };
  }

  /** The window has moved on: what marks a moment moves with it, and a mouse at rest points at a later one. */
  #drawn = () => {
    // Over a chart that shows no time yet it would only be in the way.
    setHidden(this, this.plot.window === null);
    if (this.hidden) return;
    this.#hatching.draw();
    if (!Number.isNaN(this.#pointed)) this.#aim();
    if (this.#drag?.moved) this.#showSelection();
    if (this.view.moment !== null) this.#showMoments();
  };

  #pressed(event) {
    if (event.pointerType === "touch") {
      this.#touch = { id: event.pointerId, x: event.clientX, y: event.clientY, slid: false };
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
    if (this.#touch?.id !== pointerId) return false;
    const across = Math.abs(clientX - this.#touch.x);
    this.#touch.slid ||= across >= DRAG_MIN && across > Math.abs(clientY - this.#touch.y);
    return this.#touch.slid;
  }

  #released(event) {
    if (event.pointerType === "touch") {
      if (this.#touch?.id !== event.pointerId) return;
      this.#lifted(event, this.#touch.slid);
      return;
    }
    const drag = this.#drag;
    const time = this.#timeAt(this.#placeOf(event));
    this.#endDrag();
    if (!drag || Number.isNaN(time)) return;
    if (!drag.moved) {
      this.#choose(time, event);
      return;
    }
    const [from, to] = [drag.time, time].sort((a, b) => a - b).map(Math.round);
    if (to - from >= SPAN_MIN_MS) this.view.set({ frozen: { from, to } });
  }

  /** A tap chooses a moment; a finger that slid has read one. */
  #lifted(event, slid) {
    this.#touch = null;
    this.#pointed = slid ? this.#placeOf(event) : NaN;
    if (slid) {
      this.#aim();
      this.#hold();
    } else {
      this.view.set({ hover: null });
      this.#choose(this.#timeAt(this.#placeOf(event)), event);
    }
  }

  #choose(time, { clientY }) {
    if (Number.isNaN(time)) return;
    this.view.set({ at: Math.round(time) });
    this.dispatchEvent(new CustomEvent("chosen", { detail: { time, y: clientY } }));
  }

  /** What was begun here has become something else. */
  #giveUp() {
    this.#touch = null;
    this.#endDrag();
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#pointed = NaN;
    this.view.set({ hover: null });
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

  #aim() {
    const time = this.#timeAt(this.#pointed);
    this.view.set({ hover: Number.isNaN(time) ? null : time });
  }

  #showMoments() {
    const { hover, at } = this.view;
    this.#mark(this.#pointedAt, hover);
    // One time is read at once.
    this.#mark(this.#chosen, at, hover === null);
  }

  #mark(mark, time, said = true) {
    const { window, area } = this.plot;
    if (time === null || !window) mark.hide();
    else mark.show(placeOf(this.plot, time), area, said ? this.#wordsOf(time, window) : "");
  }

  /** Of a point that stands for a step, which one: no second is known then. */
  #wordsOf(time, window) {
    const now = this.clock.now();
    const stepMs = this.plot.stepAt(time);
    if (stepMs > 0) return `${stepWords(stepMs)} to ${momentWords(Math.ceil(time / stepMs) * stepMs, now, { seconds: stepMs < 60_000 })}`;
    return momentWords(time, now, { seconds: window.to - window.from < SECONDS_BELOW_MS });
  }

  #showSelection() {
    const drag = /** @type {NonNullable<typeof this.#drag>} */ (this.#drag);
    const time = this.#timeAt(this.#pointed);
    if (Number.isNaN(time)) return;
    cover(this.#selection, this.plot, drag.time, time);
  }
}
