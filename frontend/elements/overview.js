/** `<vital-overview>`: the whole kept time as one strip: how busy the machine was, what happened, and where one looks. */

import { clusterWords, timeWords } from "../charts/model/event_words.js";
import { overlaps } from "../charts/model/events.js";
import { formatDuration } from "../charts/model/format.js";
import { OverviewAxis } from "../charts/model/overview_axis.js";
import { drawOverview } from "../charts/overview_svg.js";
import { everyBeat, forgetFrame, nextFrame } from "../dom/animation_frames.js";
import { h } from "../dom/html.js";
import { OverviewHand } from "../page/overview_hand.js";
import { OverviewPast } from "../page/overview_past.js";

/** So often what stands still is drawn anew, as time goes on. */
const DRAWN_EVERY_MS = 10_000;
/** The page's charts come first. */
const IDLE = Object.freeze({ timeout: 2000 });
/** An event is pointed at from so far, in pixels. */
const NEAR = 6;
const FRAME_MIN = 6;
const LOST_MS = 1000;

/**
 * Set `client`, `view`, `events` and `clock` before it is connected. It shows, and asks for, nothing before it is in view.
 * Event `since`, once: the first moment that is kept, Unix ms.
 */
export class VitalOverview extends HTMLElement {
  /** @type {import("../client/client.js").Client} */ client;
  /** @type {import("../page/view.js").View} */ view;
  /** @type {import("../page/event_log.js").EventLog} */ events;
  /** @type {import("../client/clock.js").ServerClock} */ clock;

  /** @type {OverviewPast} */ #past;
  /** @type {OverviewHand} */ #hand;
  /** @type {Record<"strip"|"picture"|"frame"|"from"|"to"|"tip", HTMLElement>} */ #parts;
  /** @type {OverviewAxis|null} */ #axis = null;
  /** @type {import("../charts/model/events.js").HostEvent[]} */ #shown = [];
  /** @type {IntersectionObserver} */ #views;
  /** @type {ResizeObserver} */ #sizes;
  #seen = false;
  #drawnAt = -Infinity;
  /** @type {() => void} */ #stopBeat = () => {};

  connectedCallback() {
    const { client, clock } = this;
    this.#past = new OverviewPast({ client, clock });
    this.#build();
    const { strip, frame, from, to } = this.#parts;
    this.#hand = new OverviewHand({ view: this.view, clock, strip, frame, from, to, axis: () => this.#axis, eventsAt: this.#eventsAt });
    this.#hand.start();
    this.#past.addEventListener("change", this.#changed);
    this.events.addEventListener("change", this.#changed);
    this.view.addEventListener("change", this.#turned);
    strip.addEventListener("pointermove", this.#pointed);
    strip.addEventListener("pointerleave", this.#left);
    this.#views = new IntersectionObserver((entries) => this.#looked(entries.at(-1)?.isIntersecting ?? false));
    this.#views.observe(this);
    this.#sizes = new ResizeObserver(this.#changed);
    this.#sizes.observe(strip);
    this.#stopBeat = everyBeat(() => this.#beat());
  }

  disconnectedCallback() {
    this.#stopBeat();
    this.#sizes.disconnect();
    this.#views.disconnect();
    this.view.removeEventListener("change", this.#turned);
    this.events.removeEventListener("change", this.#changed);
    this.#past.removeEventListener("change", this.#changed);
    this.#past.stop();
    this.#hand.stop();
    forgetFrame(this.#draw);
    forgetFrame(this.#place);
    this.#axis = null;
    this.#shown = [];
    this.replaceChildren();
  }

  /** Where a moment is, in pixels from the strip's left end; NaN while nothing is known. @param {number} time Unix ms */
  placeOf(time) {
    return this.#axis?.placeOf(time) ?? NaN;
  }

  #build() {
    const edge = (which, words) => h("div", { class: `edge ${which}`, role: "slider", tabindex: "0", "aria-label": words });
    const parts = {
      picture: h("div", { class: "picture", "aria-hidden": "true" }),
      from: edge("from", "Start of the window"),
      to: edge("to", "End of the window"),
      frame: h("div", { class: "frame", role: "slider", tabindex: "0", "aria-label": "Window shown" }),
      tip: h("div", { class: "tip", hidden: true }),
    };
    const strip = h("div", { class: "strip" }, parts.picture, parts.frame, parts.from, parts.to, parts.tip);
    this.#parts = { ...parts, strip };
    this.setAttribute("role", "region");
    this.setAttribute("aria-label", "The whole recorded time");
    this.replaceChildren(strip);
  }

  // --- when it asks and draws --------------------------------------------------------------------------------------

  #looked(seen) {
    this.#seen = seen;
    if (seen) this.#beat();
  }

  #beat() {
    if (!this.#seen || document.hidden) return;
    this.#whenIdle(() => this.#past.ask((since) => this.#axisOf(since)));
    if (performance.now() - this.#drawnAt > DRAWN_EVERY_MS) this.#changed();
  }

  #idle = false;

  #whenIdle(act) {
    if (this.#idle) return;
    this.#idle = true;
    const run = () => {
      this.#idle = false;
      if (this.isConnected) act();
    };
    globalThis.requestIdleCallback ? requestIdleCallback(run, IDLE) : setTimeout(run);
  }

  #axisOf(since) {
    return new OverviewAxis({ from: since, to: this.clock.now(), width: Math.max(1, this.#parts.strip.clientWidth) });
  }

  #changed = () => {
    if (this.#seen) nextFrame(this.#draw);
  };

  #turned = ({ detail }) => {
    if (["range", "frozen", "at", "hover"].some((key) => detail.has(key)) && this.#seen) nextFrame(this.#place);
  };

  // --- what it draws -----------------------------------------------------------------------------------------------

  #draw = () => {
    const { since } = this.#past;
    this.classList.toggle("known", !Number.isNaN(since));
    if (Number.isNaN(since)) return;
    if (this.#drawnAt === -Infinity) this.dispatchEvent(new CustomEvent("since", { bubbles: true, detail: since }));
    this.#drawnAt = performance.now();
    const axis = (this.#axis = this.#axisOf(since));
    this.events.want(axis.from, axis.to);
    this.#shown = this.events.between(axis.from, axis.to);
    const height = this.#parts.picture.clientHeight;
    drawOverview(this.#parts.picture, { axis, height, load: this.#past.load, events: this.#shown });
    this.#place();
  };

  /** Puts the frame where the charts look. */
  #place = () => {
    const axis = this.#axis;
    if (!axis) return;
    const now = this.clock.now();
    const window = this.view.window(now);
    const { frame, from, to } = this.#parts;
    const [start, end] = [axis.placeOf(window.from), axis.placeOf(window.to)];
    const width = Math.max(FRAME_MIN, end - start);
    const left = Math.max(0, Math.min(start, axis.width - width));
    frame.style.transform = `translateX(${left.toFixed(1)}px)`;
    frame.style.width = `${width.toFixed(1)}px`;
    from.style.transform = `translateX(${left.toFixed(1)}px)`;
    to.style.transform = `translateX(${(left + width).toFixed(1)}px)`;
    frame.classList.toggle("live", window.live);
    frame.classList.toggle("lost", window.to < axis.from - LOST_MS);
    this.#tell(axis, window, now);
  };

  #tell(axis, window, now) {
    const lengthS = Math.round((window.to - window.from) / 1000);
    const words = [timeWords(window.from, now), timeWords(window.to, now)];
    const whole = window.live ? `the last ${formatDuration(lengthS)}, live` : `${words[0]} to ${words[1]}`;
    const { frame, from, to } = this.#parts;
    slide(frame, window.to, whole, axis);
    slide(from, window.from, words[0], axis);
    slide(to, window.to, window.live ? "now" : words[1], axis);
  }

  // --- what is pointed at ------------------------------------------------------------------------------------------

  /** The events at a place, in pixels. @param {number} x */
  #eventsAt = (x) => {
    const axis = this.#axis;
    if (!axis) return [];
    const near = this.#shown.filter(({ time }) => Math.abs(axis.placeOf(time) - x) <= NEAR);
    if (near.length) return near;
    const time = axis.timeAt(x);
    return this.#shown.filter((event) => event.kind !== "gap" && overlaps(event, time, time)).slice(-1);
  };

  #pointed = (event) => {
    const axis = this.#axis;
    if (!axis || event.pointerType === "touch") return;
    const x = event.clientX - this.#parts.strip.getBoundingClientRect().left;
    const now = this.clock.now();
    const found = this.#eventsAt(x);
    const lines = found.length ? clusterWords(found, now) : [timeWords(axis.timeAt(x), now)];
    const { tip } = this.#parts;
    tip.replaceChildren(...lines.map((line, i) => h(i ? "span" : "b", {}, line)));
    tip.hidden = false;
    tip.style.transform = `translateX(calc(${x.toFixed(0)}px ${x > axis.width / 2 ? "- 100% - 8px" : "+ 8px"}))`;
  };

  #left = () => {
    this.#parts.tip.hidden = true;
  };
}

/** @param {HTMLElement} slider @param {number} time Unix ms @param {string} words @param {OverviewAxis} axis */
function slide(slider, time, words, { from, to }) {
  const said = { valuemin: Math.round(from / 1000), valuemax: Math.round(to / 1000), valuenow: Math.round(Math.min(to, Math.max(from, time)) / 1000) };
  // A live edge moves each time: what reads the page aloud need not hear of it.
  if (slider.getAttribute("aria-valuetext") === words && slider.hasAttribute("aria-valuenow")) return;
  for (const [name, value] of Object.entries(said)) slider.setAttribute(`aria-${name}`, String(value));
  slider.setAttribute("aria-valuetext", words);
}
