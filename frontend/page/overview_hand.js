/** What hands and keys do with the strip of the whole kept time: move the window, move an edge, pick one, jump. */

import { worstOf } from "../charts/model/events.js";
import { visit } from "./visit.js";

/** A shorter drag is a click whose hand shook, in pixels. */
const DRAG_MIN = 4;
/** A key moves the window by this much of itself, and an edge by that. */
const WINDOW_STEP = 0.25;
const EDGE_STEP = 0.1;

/** @typedef {import("../charts/model/overview_axis.js").OverviewAxis} OverviewAxis @typedef {import("../charts/model/events.js").HostEvent} HostEvent */
/** @typedef {"pan"|"from"|"to"|"pick"} Mode */

export class OverviewHand {
  /**
   * @param {{view: import("./view.js").View, clock: {now: () => number}, strip: HTMLElement, frame: HTMLElement, from: HTMLElement,
   *          to: HTMLElement, axis: () => OverviewAxis|null, eventsAt: (x: number) => HostEvent[]}} parts
   */
  constructor(parts) {
    this.#parts = parts;
  }

  #parts;
  /** @type {{id: number, mode: Mode, x: number, at: number, moved: boolean, window: {from: number, to: number, live: boolean}}|null} */ #drag = null;
  #frame = 0;

  start() {
    for (const [type, listener] of this.#listeners) this.#parts.strip.addEventListener(type, listener);
  }

  stop() {
    for (const [type, listener] of this.#listeners) this.#parts.strip.removeEventListener(type, listener);
    this.#end();
  }

  /** @type {[string, (event: any) => void][]} */
  #listeners = [
    ["pointerdown", (event) => this.#pressed(event)],
    ["pointermove", (event) => this.#moved(event)],
    ["pointerup", (event) => this.#released(event)],
    ["pointercancel", () => this.#cancel()],
    ["dblclick", () => this.#parts.view.live()],
    ["keydown", (event) => this.#keyed(event)],
  ];

  #windowNow() {
    return this.#parts.view.window(this.#parts.clock.now());
  }

  /** @returns {Mode} */
  #modeOf(target) {
    const { frame, from, to } = this.#parts;
    if (target === from) return "from";
    if (target === to) return "to";
    return frame.contains(target) ? "pan" : "pick";
  }

  #placeOf(event) {
    return event.clientX - this.#parts.strip.getBoundingClientRect().left;
  }

  #pressed(event) {
    if (event.button !== 0 || !this.#parts.axis()) return;
    const x = this.#placeOf(event);
    this.#parts.strip.setPointerCapture(event.pointerId);
    this.#drag = { id: event.pointerId, mode: this.#modeOf(event.target), x, at: x, moved: false, window: this.#windowNow() };
  }

  #moved(event) {
    const drag = this.#drag;
    if (drag?.id !== event.pointerId || !drag) return;
    drag.at = this.#placeOf(event);
    drag.moved ||= Math.abs(drag.at - drag.x) >= DRAG_MIN;
    // However often a pointer reports, a frame shows one window.
    if (drag.moved) this.#frame ||= requestAnimationFrame(() => this.#follow());
  }

  #follow() {
    this.#frame = 0;
    const [drag, axis] = [this.#drag, this.#parts.axis()];
    if (drag && axis) this.#show(axis.dragged(drag.mode, drag.window, drag.x, drag.at), drag.mode);
  }

  #released(event) {
    const drag = this.#drag;
    if (drag?.id !== event.pointerId || !drag) return;
    if (drag.moved) this.#follow();
    else if (drag.mode === "pick" || drag.mode === "pan") this.#jump(drag.x, drag.mode);
    this.#end();
  }

  #cancel() {
    const before = this.#drag?.moved ? this.#drag.window : null;
    this.#end();
    if (before) this.#parts.view.set({ frozen: before.live ? null : { from: before.from, to: before.to } });
  }

  #end() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#drag = null;
  }

  #show(window, mode) {
    const { view, clock } = this.#parts;
    // A window that was picked is of what was there, also where that reaches up to now.
    if (mode === "pick") view.set({ frozen: { from: Math.round(window.from), to: Math.round(window.to) } });
    else view.showWindow(window, { earliest: NaN, now: clock.now() });
  }

  #jump(x, mode) {
    const { view, eventsAt } = this.#parts;
    const axis = /** @type {OverviewAxis} */ (this.#parts.axis());
    const event = worstOf(eventsAt(x));
    const window = this.#windowNow();
    if (event) return visit(view, event, this.#parts.clock.now());
    if (mode === "pan") return undefined;
    return view.set({ frozen: axis.about(x, window.to - window.from) });
  }

  #keyed(event) {
    const axis = this.#parts.axis();
    if (!axis || event.ctrlKey || event.metaKey || event.altKey) return;
    const mode = this.#modeOf(event.target);
    const window = this.#windowNow();
    const acted = this.#byKey(event, mode, window, axis);
    if (!acted) return;
    event.preventDefault();
    event.stopPropagation();
  }

  #byKey({ key, shiftKey }, mode, window, axis) {
    const length = window.to - window.from;
    const share = mode === "pan" ? (shiftKey ? 1 : WINDOW_STEP) : EDGE_STEP * (shiftKey ? 5 : 1);
    const by = { ArrowLeft: -share, ArrowDown: -share, ArrowRight: share, ArrowUp: share, PageDown: -1, PageUp: 1 }[key];
    if (by !== undefined) this.#step(by * length, mode, window, axis);
    else if (key === "End") this.#parts.view.live();
    else if (key === "Home") this.#step(axis.from - window.from, mode === "to" ? "pan" : mode, window, axis);
    else return false;
    return true;
  }

  #step(byMs, mode, window, axis) {
    if (mode === "pan") return this.#show(axis.moved(window, byMs), mode);
    const moved = mode === "from" ? { from: Math.max(axis.from, window.from + byMs), to: window.to } : { from: window.from, to: Math.min(axis.to, window.to + byMs) };
    return moved.to > moved.from ? this.#show(moved, mode) : undefined;
  }
}
