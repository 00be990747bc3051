/** `<vital-vitals>`: a few numbers that matter at a glance. */

import { NO_READING, formatDuration, formatValue } from "../core/format.js";
import { forgetFrame, nextFrame } from "./frames.js";
import { h, setText } from "./html.js";

/** Set `streams` (by name) and `items` before it is connected. */
export class VitalVitals extends HTMLElement {
  /** @type {Record<string, import("../core/session.js").SeriesStream>} */ streams = {};
  /** @type {{label: string, stream: string, read: (latest: Latest) => string|null}[]} an item that reads null is left out */
  items = [];

  /** @type {{term: HTMLElement, value: HTMLElement, group: HTMLElement}[]} */ #cells = [];

  connectedCallback() {
    this.#cells = this.items.map(({ label }) => {
      const term = h("dt", {}, label);
      const value = h("dd", {}, NO_READING);
      return { term, value, group: h("div", { hidden: true }, term, value) };
    });
    this.replaceChildren(h("dl", {}, ...this.#cells.map(({ group }) => group)));
    for (const stream of Object.values(this.streams)) stream.addEventListener("change", this.#changed);
  }

  disconnectedCallback() {
    for (const stream of Object.values(this.streams)) stream.removeEventListener("change", this.#changed);
    forgetFrame(this.#draw);
    this.replaceChildren();
  }

  #changed = () => nextFrame(this.#draw);

  #draw = () => {
    this.items.forEach(({ stream, read }, i) => {
      const text = read(new Latest(this.streams[stream]));
      const { value, group } = this.#cells[i];
      group.hidden = text === null;
      if (text !== null) setText(value, text);
    });
  };
}

/** The newest readings of a stream, by name and attribute. */
export class Latest {
  /** @param {import("../core/session.js").SeriesStream} stream */
  constructor(stream) {
    this.#store = stream.store;
  }

  #store;

  /** @param {string} name @param {Record<string, string>} [attributes] */
  value(name, attributes = {}) {
    const { ring, series } = this.#store;
    if (!ring.length) return NaN;
    const column = series.findIndex(
      (one) => one.name === name && Object.entries(attributes).every(([key, value]) => one.attributes[key] === value),
    );
    return column < 0 ? NaN : ring.value(column, ring.length - 1);
  }
}

const orNothing = (value, say) => (Number.isNaN(value) ? null : say(value));

/** What the header of a host shows. */
export const HOST_VITALS = [
  {
    label: "CPU",
    stream: "cpu",
    read: (latest) => orNothing(1 - latest.value("system.cpu.utilization", { "cpu.mode": "idle" }), (busy) => formatValue(Math.max(0, busy), "1")),
  },
  {
    label: "Memory",
    stream: "memory",
    read: (latest) => {
      const used = latest.value("system.memory.usage", { "system.memory.state": "used" });
      return orNothing(used / latest.value("system.memory.limit"), (share) => formatValue(share, "1"));
    },
  },
  {
    label: "Load",
    stream: "host",
    read: (latest) => {
      const loads = ["1m", "5m", "15m"].map((span) => latest.value("system.load.average", { "system.load.window": span }));
      return Number.isNaN(loads[0]) ? null : loads.map((load) => load.toFixed(2)).join("\u2002");
    },
  },
  {
    label: "Up",
    stream: "host",
    read: (latest) => orNothing(latest.value("system.uptime"), (up) => formatDuration(Math.floor(up))),
  },
];
