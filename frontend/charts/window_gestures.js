/** Zooming and moving the window over a chart: ctrl+wheel and pinch zoom, a drag with shift and two fingers move. */

import { SPAN_MIN_MS, moved, pinched, zoomed } from "./model/zoom.js";

/** A notch of a wheel makes the window a quarter longer; a touchpad tells many small steps instead. */
const NOTCH = 1.25;
const NOTCH_PIXELS = 100;
const SMALL_PIXELS = 50;
const PER_PIXEL = 0.01;
/** What a wheel counts in, in pixels: pixels, lines, pages. */
const WHEEL_UNITS = Object.freeze([1, 16, 400]);
/** Fingers nearer to each other than that say nothing of a factor, in pixels. */
const APART_MIN = 24;

/** @typedef {import("./model/zoom.js").Window} Window */

/**
 * Hears an element before others do, and keeps from them what it takes. However often a pointer reports, the view is
 * set once a frame.
 */
export class WindowGestures {
  /**
   * @param {{element: HTMLElement, plot: import("./plot.js").VitalPlot, view: any,
   *          limits: () => import("./model/zoom.js").Limits, taken: () => void}} parts
   *   limits: how far there is anything to see; taken: what was begun with one pointer is none of another's any more
   */
  constructor({ element, plot, view, limits, taken }) {
    this.#element = element;
    this.#plot = plot;
    this.#view = view;
    this.#limits = limits;
    this.#taken = taken;
  }

  #element;
  #plot;
  #view;
  #limits;
  #taken;
  #frame = 0;
  /** @type {{factor: number, x: number}|null} */ #wheel = null;
  /** @type {{id: number, x: number, to: number, shown: Window}|null} */ #drag = null;
  /** @type {Map<number, {x: number, y: number}>} */ #fingers = new Map();
  /** @type {{shown: Window, x: number, apart: number}|null} how two fingers began */ #pinch = null;

  start() {
    for (const [type, listener] of this.#listeners) this.#element.addEventListener(type, listener, { passive: false });
  }

  stop() {
    for (const [type, listener] of this.#listeners) this.#element.removeEventListener(type, listener);
    this.#endDrag();
    this.#fingers.clear();
    this.#pinch = this.#wheel = null;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }

  /** @type {[string, (event: any) => void][]} */
  #listeners = [
    ["wheel", (event) => this.#wheeled(event)],
    ["pointerdown", (event) => this.#pressed(event)],
    ["pointermove", (event) => this.#moved(event)],
    ["pointerup", (event) => this.#released(event)],
    ["pointercancel", (event) => this.#released(event)],
    // One finger scrolls the page, two are for the window.
    ["touchmove", (event) => event.touches.length > 1 && event.cancelable && event.preventDefault()],
  ];

  /** A wheel alone scrolls the page. */
  #wheeled(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const pixels = event.deltaY * WHEEL_UNITS[event.deltaMode];
    const notches = Math.max(-3, Math.min(3, pixels / NOTCH_PIXELS));
    const factor = Math.abs(pixels) < SMALL_PIXELS ? Math.exp(pixels * PER_PIXEL) : NOTCH ** notches;
    this.#wheel = { factor: (this.#wheel?.factor ?? 1) * factor, x: this.#placeOf(event) };
    this.#soon();
  }

  #pressed(event) {
    if (event.pointerType === "touch") this.#touched(event);
    else if (event.shiftKey && event.button === 0) this.#dragged(event);
  }

  #touched(event) {
    this.#fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.#fingers.size < 2) return;
    event.stopImmediatePropagation();
    this.#taken();
    const shown = this.#shown();
    this.#pinch = shown && this.#fingers.size === 2 ? { shown, ...this.#between() } : null;
  }

  #dragged(event) {
    const shown = this.#shown();
    if (!shown) return;
    event.stopImmediatePropagation();
    this.#taken();
    this.#element.setPointerCapture(event.pointerId);
    this.#element.classList.add("moving");
    this.#drag = { id: event.pointerId, x: event.clientX, to: event.clientX, shown };
    globalThis.addEventListener("keydown", this.#keyed, true);
  }

  #moved(event) {
    const finger = this.#fingers.get(event.pointerId);
    if (finger) Object.assign(finger, { x: event.clientX, y: event.clientY });
    if (this.#drag?.id === event.pointerId) this.#drag.to = event.clientX;
    else if (!this.#pinch || !finger) return;
    event.stopImmediatePropagation();
    this.#soon();
  }

  #released(event) {
    const pinching = this.#fingers.size > 1;
    if (this.#fingers.delete(event.pointerId) && pinching) event.stopImmediatePropagation();
    if (this.#fingers.size < 2) this.#pinch = null;
    if (this.#drag?.id !== event.pointerId) return;
    event.stopImmediatePropagation();
    this.#apply();
    this.#endDrag();
  }

  /** Escape puts back what a drag has moved. */
  #keyed = (event) => {
    if (event.key !== "Escape" || !this.#drag) return;
    event.stopPropagation();
    event.preventDefault();
    this.#view.showWindow(this.#drag.shown, this.#limits());
    this.#endDrag();
  };

  #endDrag() {
    if (!this.#drag) return;
    if (this.#element.hasPointerCapture(this.#drag.id)) this.#element.releasePointerCapture(this.#drag.id);
    this.#element.classList.remove("moving");
    globalThis.removeEventListener("keydown", this.#keyed, true);
    this.#drag = null;
  }

  /** Where the middle of two fingers is, and how far they are apart. */
  #between() {
    const [one, other] = this.#fingers.values();
    const { left } = this.#element.getBoundingClientRect();
    return { x: (one.x + other.x) / 2 - left, apart: Math.max(APART_MIN, Math.hypot(one.x - other.x, one.y - other.y)) };
  }

  #soon() {
    this.#frame ||= requestAnimationFrame(() => this.#apply());
  }

  #apply() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const limits = this.#limits();
    const next = this.#next(limits);
    this.#wheel = null;
    const shown = this.#shown();
    const other = next && shown && Math.abs(next.from - shown.from) + Math.abs(next.to - shown.to) >= 1;
    if (other) this.#view.showWindow(next, limits);
  }

  /** @param {import("./model/zoom.js").Limits} limits @returns {Window|null} */
  #next(limits) {
    const { width } = this.#plot.area;
    if (this.#drag) {
      const { shown, x, to } = this.#drag;
      return moved(shown, ((x - to) / width) * (shown.to - shown.from), limits);
    }
    if (this.#pinch) {
      const { shown, x, apart } = this.#pinch;
      const now = this.#between();
      return pinched(shown, { from: this.#shareOf(x), to: this.#shareOf(now.x), factor: apart / now.apart }, limits);
    }
    const shown = this.#shown();
    if (!this.#wheel || !shown) return null;
    const { x, factor } = this.#wheel;
    return zoomed(shown, shown.from + this.#shareOf(x) * (shown.to - shown.from), factor, limits);
  }

  /** What is shown, or soon will be: what is drawn may be a frame behind. @returns {Window|null} */
  #shown() {
    const { window } = this.#plot;
    const { frozen, range } = this.#view;
    if (!window || frozen) return window && frozen;
    const { to } = window;
    const from = to - range * 1000;
    const { earliest } = this.#limits();
    // The axis of a young server begins with its first sample.
    return { from: earliest > from ? Math.min(earliest, to - SPAN_MIN_MS) : from, to };
  }

  /** @returns {number} pixels from the element's left edge */
  #placeOf(event) {
    return event.clientX - this.#element.getBoundingClientRect().left;
  }

  #shareOf(x) {
    const { left, width } = this.#plot.area;
    return Math.min(1, Math.max(0, (x - left) / width));
  }
}
