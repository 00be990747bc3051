/** One page of a wall screen: panels that fill it, prepared before they are shown. */

import { DRAWS } from "./panel_canvas.js";
import { tilesOf } from "./wall_layout.js";
import { Past } from "./past.js";
import { View } from "./view.js";
import { h } from "../dom/html.js";

/** A chart that is not ready by then is shown as it is. */
const PREPARED_WITHIN_MS = 4000;
const LOOK_EVERY_MS = 100;
/** As long as the style sheet takes to fade a page out. */
export const FADE_MS = 800;
/** A panel that is less wide or high than so many ems is shown without the list of its lines. */
const LISTED = Object.freeze({ width: 16, height: 13 });

export class WallPage {
  /**
   * @param {{entry: import("./wall_layout.js").Entry, look: Required<import("./wall_address.js").WallLook>, panels: import("../charts/model/panel.js").Panel[],
   *          holderOf: (stream: any) => import("../elements/panel.js").Holder,
   *          client: import("../client/client.js").Client, events: import("./event_log.js").EventLog|null, mark: string,
   *          streamOf: (panel: import("../charts/model/panel.js").Panel) => any}} parts
   */
  constructor({ entry, look, panels, holderOf, client, events, mark, streamOf }) {
    this.#entry = entry;
    const view = new View({ range: look.range, compare: look.compare });
    const { clock } = client;
    this.#past = new Past({ client, view, clock, mark });
    this.#panels = panels.map((definition) => {
      const stream = streamOf(definition);
      return Object.assign(/** @type {any} */ (h("vital-panel")), { definition, stream, past: this.#past.of(definition, stream), holder: holderOf(stream), clock, events, view });
    });
    const nothing = h("p", { class: "nothing", hidden: true }, panels.length ? "This machine has no data for any panel of this page." : "No panels are configured: see [[panels]] in config.toml.");
    this.#nothing = nothing;
    this.element = h("section", { class: "page" }, ...this.#panels, nothing);
    this.#comings = new MutationObserver(() => this.fit());
    this.#comings.observe(this.element, { subtree: true, attributeFilter: ["hidden"] });
  }

  #entry;
  #past;
  #panels;
  #nothing;
  #comings;
  #size = { width: 0, height: 0, gap: 0 };
  #fitted = "";
  /** @type {any} */ #leaving;

  /** Whether there is nothing to show: no panel, or none that this machine has readings for. */
  get empty() {
    return this.#visible.length === 0;
  }

  get #visible() {
    return this.#panels.filter(({ hidden }) => !hidden);
  }

  /** Lets the panels fill this many pixels, as many of them as there are now. */
  fit(size = this.#size) {
    this.#size = size;
    const shown = this.#visible;
    const signature = JSON.stringify([size, shown.map(({ definition }) => definition.id)]);
    if (!size.width || signature === this.#fitted) return;
    this.#fitted = signature;
    this.#nothing.hidden = shown.length > 0;
    tilesOf({ layout: this.#entry.layout, count: shown.length, ...size }).forEach((tile, i) => place(shown[i], tile));
  }

  /** Lays it out unseen, and lets its charts fill. Resolves once they have, or after a while. */
  async prepare() {
    clearTimeout(this.#leaving);
    this.element.classList.remove("leaving");
    this.element.classList.add("prepared");
    const drawings = new Map(this.#panels.map((panel) => [panel, drawnOf(panel)]));
    const until = performance.now() + PREPARED_WITHIN_MS;
    const ready = () => this.#visible.every((panel) => this.#filled(panel, drawings.get(panel)));
    do await new Promise((resume) => setTimeout(resume, LOOK_EVERY_MS));
    while (!ready() && performance.now() < until);
  }

  #filled(panel, drawingsBefore) {
    const { ageS, stale, refusal } = panel.stream;
    return refusal !== null || (drawnOf(panel) > drawingsBefore && Number.isFinite(ageS) && !stale);
  }

  show() {
    this.element.classList.add("prepared", "shown");
  }

  /** Fades it out; from then on its streams wait. */
  leave() {
    this.element.classList.replace("shown", "leaving");
    this.#leaving = setTimeout(() => this.element.classList.remove("prepared", "leaving"), FADE_MS);
  }

  remove() {
    clearTimeout(this.#leaving);
    this.#comings.disconnect();
    this.#past.stop();
    this.element.remove();
  }
}

const drawnOf = (panel) => {
  const { full, live } = panel.querySelector(DRAWS)?.counts ?? { full: 0, live: 0 };
  return full + live;
};

/** @param {HTMLElement} panel @param {import("./wall_layout.js").Tile} tile */
function place(panel, { left, top, width, height, em }) {
  const pixels = (value) => `${Math.round(value * 100) / 100}px`;
  Object.assign(panel.style, { left: pixels(left), top: pixels(top), width: pixels(width), height: pixels(height) });
  panel.style.setProperty("--em", pixels(em));
  panel.classList.toggle("unlisted", width < LISTED.width * em || height < LISTED.height * em);
}
