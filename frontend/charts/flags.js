/** `<vital-flags>`: the events of a chart's window, as flags on its time axis. */

import { clusterWords } from "./model/event_words.js";
import { clustersOf, concerns, endOf, momentOf, worstOf } from "./model/events.js";
import { h, setHidden } from "../dom/html.js";

/** Nearer to each other, events share a flag, in pixels. */
const APART = 12;
/** What is built reaches so far beyond the window, in windows: until it has moved as far it is only pushed. */
const BEYOND = 0.25;
/** A shorter span is only its flag, in pixels. */
const SPAN_MIN = 3;

/** @typedef {import("./model/events.js").HostEvent} HostEvent */

/**
 * Lies over a `<vital-plot>` as its crosshair does. Set `plot`, `view`, `panel` and `events` before it is connected.
 * A flag that is pointed at says what happened; a click on it makes it the moment that is shown. Which events a
 * chart has, `concerns` says. While the chart moves on, the flags are pushed and not made anew.
 */
export class VitalFlags extends HTMLElement {
  /** @type {import("./plot.js").VitalPlot} */ plot;
  /** @type {import("../page/view.js").View} */ view;
  /** @type {{id: string}} */ panel;
  /** @type {import("../page/event_log.js").EventLog} */ events;
  /** @type {{now: () => number}} */ clock = Date;

  /** @type {HTMLElement} */ #layer;
  /** @type {HTMLElement} */ #tip;
  /** @type {{from: number, to: number, left: number, width: number, base: number}|null} what the flags stand in */ #built = null;
  /** @type {HostEvent[][]} one a flag */ #clusters = [];
  /** @type {HTMLElement[]} */ #flags = [];
  /** @type {HTMLElement[]} */ #spans = [];
  /** The events that flags and spans are of, as text. */ #told = "";
  /** @type {HTMLElement|null} whose words are shown */ #said = null;
  #pushed = "";
  #pointing = false;

  connectedCallback() {
    this.#layer = h("div", { class: "layer", role: "toolbar", "aria-label": "Events", hidden: true });
    this.#tip = h("div", { class: "tip", hidden: true });
    this.replaceChildren(this.#layer, this.#tip);
    this.plot.addEventListener("drawn", this.#drawn);
    this.events.addEventListener("change", this.#changed);
    for (const [type, listener] of this.#listeners) this.#layer.addEventListener(type, listener);
    this.#drawn();
  }

  disconnectedCallback() {
    this.events.removeEventListener("change", this.#changed);
    this.plot.removeEventListener("drawn", this.#drawn);
    this.#hide();
    this.#built = null;
    this.#clusters = [];
    this.#told = "";
    this.replaceChildren();
  }

  /** @type {[string, (event: any) => void][]} */
  #listeners = [
    ["pointerover", ({ target, pointerType }) => pointerType !== "touch" && this.#show(target, true)],
    ["pointerout", ({ pointerType }) => pointerType !== "touch" && this.#hide()],
    ["focusin", ({ target }) => target.matches(":focus-visible") && this.#show(target)],
    ["focusout", () => this.#hide()],
    ["click", ({ target }) => this.#choose(target)],
    ["keydown", (event) => this.#keyed(event)],
  ];

  #changed = () => {
    this.#built = null;
    this.#drawn();
  };

  #drawn = () => {
    const { window, area } = this.plot;
    setHidden(this, window === null);
    if (!window) return;
    const built = this.#built;
    const scale = area.width / (window.to - window.from);
    const shift = built ? (window.from - built.from) * scale : NaN;
    const base = area.top + area.height;
    const same = built && built.to - built.from === window.to - window.from && built.width === area.width && built.left === area.left && built.base === base;
    if (same && Math.abs(shift) <= area.width * BEYOND) this.#push(shift);
    else this.#build(window, area, base);
  };

  /** @param {number} shift pixels since it was built */
  #push(shift) {
    if (!this.#clusters.length) return;
    const pushed = `translateX(${(-shift).toFixed(1)}px)`;
    if (pushed === this.#pushed) return;
    this.#pushed = this.#layer.style.transform = pushed;
  }

  #build({ from, to }, { left, width }, base) {
    const beyond = (to - from) * BEYOND;
    this.#built = { from, to, left, width, base };
    this.events.want(from, to);
    const events = this.events.between(from - beyond, to + beyond).filter((event) => concerns(event, this.panel));
    if (!events.length && !this.#clusters.length) return;
    // Of spans that began before, the flag stands where the window begins.
    const placeOf = (time) => ((Math.max(from - beyond, time) - from) / (to - from)) * width;
    const clusters = clustersOf(events, placeOf, APART);
    const spans = events.map((event) => spanOf(event, placeOf, width * (1 + BEYOND))).filter(({ length }) => length >= SPAN_MIN);
    this.#renew(clusters.map(({ events: together }) => together), spans.map(({ event }) => event));
    spans.forEach(({ start, length }, i) => {
      this.#spans[i].style.left = `${start.toFixed(1)}px`;
      this.#spans[i].style.width = `${length.toFixed(1)}px`;
    });
    clusters.forEach(({ x }, i) => (this.#flags[i].style.left = `${x.toFixed(1)}px`));
    setHidden(this.#layer, events.length === 0);
    const { style } = this.#layer;
    style.left = `${left}px`;
    style.top = `${base}px`;
    this.style.clipPath = `inset(0 ${Math.max(0, this.clientWidth - left - width)}px 0 ${left}px)`;
    this.#pushed = "";
    this.#push(0);
    if (this.#said) this.#show(this.#said, this.#pointing);
  }

  /** Makes flags and spans anew where they are of other events than before. Who has come to a flag by keyboard stays there. */
  #renew(clusters, spans) {
    const told = JSON.stringify([clusters, spans]);
    if (told === this.#told) return;
    this.#told = told;
    const { activeElement } = document;
    const focused = this.#layer.contains(activeElement) ? this.#clusterOf(activeElement)?.events[0].id : undefined;
    const said = focused !== undefined && this.#said !== null;
    this.#hide();
    this.#clusters = clusters;
    this.#spans = spans.map(({ severity }) => h("i", { class: `span ${severity}` }));
    this.#flags = clusters.map((together, i) => this.#flag(together, i));
    this.#layer.replaceChildren(...this.#spans, ...this.#flags);
    if (focused === undefined) return;
    const again = this.#flags.find((_, i) => clusters[i].some(({ id }) => id === focused)) ?? this.#flags[0];
    again?.focus({ preventScroll: true });
    if (again && said) this.#show(again);
  }

  #flag(together, i) {
    const { severity, kind } = /** @type {HostEvent} */ (worstOf(together));
    const [when, ...what] = clusterWords(together, this.clock.now());
    const flag = h("button", { type: "button", class: `flag ${severity}${kind === "mark" ? " mark" : ""}`, tabindex: i === 0 ? "0" : "-1", "aria-label": `${what.join("; ")}, ${when}` });
    flag.dataset.i = String(i);
    return flag;
  }

  #clusterOf(target) {
    const flag = target instanceof Element ? /** @type {HTMLElement|null} */ (target.closest(".flag")) : null;
    return flag ? { flag, events: this.#clusters[Number(flag.dataset.i)] } : null;
  }

  #show(target, pointed = false) {
    const found = this.#clusterOf(target);
    if (!found?.events) return;
    const lines = clusterWords(found.events, this.clock.now());
    this.#tip.replaceChildren(...lines.map((line, i) => h(i ? "span" : "b", {}, line)));
    this.#said = found.flag;
    setHidden(this.#tip, false);
    const { left, right, top } = found.flag.getBoundingClientRect();
    const own = this.getBoundingClientRect();
    const middle = (left + right) / 2 - own.left;
    // Beside its flag, on the side that has room.
    const onLeft = middle > own.width / 2;
    this.#tip.style.transform = `translate(calc(${middle.toFixed(1)}px ${onLeft ? "- 100% - 6px" : "+ 6px"}), calc(${(top - own.top).toFixed(1)}px - 100%))`;
    this.#pointing = pointed;
    if (pointed) this.view.set({ hover: found.events[0].time });
  }

  #hide() {
    this.#said = null;
    setHidden(this.#tip, true);
    if (this.#pointing) this.view.set({ hover: null });
    this.#pointing = false;
  }

  #choose(target) {
    const found = this.#clusterOf(target);
    const worst = found?.events && worstOf(found.events);
    if (worst) this.view.set({ at: inWindow(momentOf(worst), worst, this.plot.window) });
  }

  /** One stop for the tab key; the arrows go from flag to flag. */
  #keyed(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const flags = this.#flags;
    const at = flags.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    if (!by || at < 0 || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const next = flags[Math.max(0, Math.min(flags.length - 1, at + by))];
    flags[at].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
}

/** Where a span lies as a bar on the axis, in pixels. @param {HostEvent} event */
function spanOf(event, placeOf, until) {
  const start = placeOf(event.time);
  return { event, start, length: Math.min(until, endOf(event) === Infinity ? until : placeOf(endOf(event))) - start };
}

/** The moment, or what the window shows of a span that reaches beyond it. */
function inWindow(moment, event, window) {
  if (!window || (moment >= window.from && moment <= window.to)) return moment;
  return Math.round(Math.max(event.time, Math.min(endOf(event), Math.max(window.from, Math.min(window.to, moment)))));
}
