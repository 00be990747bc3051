/** The charts of a dashboard in their order; when panels change, those that stay go on undisturbed. */

import { h } from "../dom/html.js";
import { PanelPlaces } from "./panel_places.js";

/** @typedef {import("../charts/model/panel.js").Panel} Panel */

/** A panel, or several, as text: what one has now is no part of what it is. @param {Panel|Panel[]} panels */
export const textOf = (panels) => JSON.stringify(panels, (key, value) => (key === "series" ? undefined : value));

export class PanelGrid {
  /**
   * @param {{subscriptions: import("./subscriptions.js").Subscriptions, client: import("../client/client.js").Client,
   *          view: import("./view.js").View, past: import("./past.js").Past, events?: import("./event_log.js").EventLog|null}} parts
   */
  constructor({ subscriptions, client, view, past, events = null }) {
    this.#subscriptions = subscriptions;
    this.#client = client;
    this.#view = view;
    this.#past = past;
    this.#events = events;
    this.#places = new PanelPlaces(view);
    this.element = h("div", { class: "charts" });
  }

  #subscriptions;
  #client;
  #view;
  #past;
  #events;
  #places;
  /** @type {Map<string, HTMLElement>} by the text of its panel */ #shown = new Map();

  /** @param {Panel[]} panels */
  show(panels) {
    const wanted = new Set(panels.map(textOf));
    // First, for the stream of another panel may have the same name.
    for (const [text, element] of this.#shown) if (!wanted.has(text)) this.#remove(text, element);
    for (const panel of panels) if (!this.#shown.has(textOf(panel))) this.#shown.set(textOf(panel), this.#make(panel, panels));
    this.element.querySelector(":scope > p")?.remove();
    const empty = panels.length ? [] : [h("p", { class: "failure" }, "No panels are configured: see [[panels]] in config.toml.")];
    inOrder(this.element, [...empty, ...panels.map((panel) => /** @type {HTMLElement} */ (this.#shown.get(textOf(panel))))]);
    this.#places.arrange(panels, (panel) => /** @type {HTMLElement} */ (this.#shown.get(textOf(panel))));
  }

  /** The panel that is to be seen where this one is, which may share its place. @param {string} id @returns {HTMLElement|null} */
  inSight(id) {
    return this.element.querySelector(`#panel-${this.#places.inSight(id)}`);
  }

  #make(definition, panels) {
    const element = h("vital-panel", { id: `panel-${definition.id}`, class: definition.wide ? "wide" : null, tabindex: "-1" });
    const stream = this.#subscriptions.open(definition);
    const variants = this.#places.switchFor(definition, panels);
    const past = this.#past.of(definition, stream);
    return Object.assign(element, { definition, stream, past, variants, client: this.#client, clock: this.#client.clock, view: this.#view, events: this.#events });
  }

  #remove(text, element) {
    element.remove();
    this.#subscriptions.close(/** @type {any} */ (element).definition);
    this.#shown.delete(text);
  }
}

/** Puts elements into this order; one that is in its place is not moved, for that would begin its chart anew. */
function inOrder(parent, elements) {
  elements.forEach((element, i) => {
    if (parent.children[i] !== element) parent.insertBefore(element, parent.children[i] ?? null);
  });
}
