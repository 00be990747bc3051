/** The charts of a dashboard in their order and sections; when panels change, those that stay go on undisturbed. */

import { h } from "../dom/html.js";
import { foldable, Folding } from "./folding.js";
import { PanelPlaces } from "./panel_places.js";
import { mayBeFew } from "./panel_words.js";
import { Section } from "./section.js";
import { lastingStorageOf } from "./storage.js";

/** @typedef {import("../charts/model/panel.js").Panel} Panel */

const FOLDED = "vitalcast.folded";

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
    this.#folded = new Set(readFolded());
    // A panel without data hides itself: the others then share its room.
    this.#changes = new MutationObserver((records) => this.#arrange(new Set(records.map(({ target }) => target.parentElement))));
    this.#resizes = new ResizeObserver(() => this.#arrange());
    this.#resizes.observe(this.element);
  }

  #subscriptions;
  #client;
  #view;
  #past;
  #events;
  #places;
  #changes;
  #resizes;
  /** @type {Set<string>} names of sections */ #folded;
  /** @type {Map<string, HTMLElement>} by the text of its panel */ #shown = new Map();
  /** @type {Map<HTMLElement, Folding>} of panels that may be folded to a line */ #foldings = new Map();
  /** @type {Map<string, Section>} by name */ #sections = new Map();

  /** @param {Panel[]} panels */
  show(panels) {
    const wanted = new Set(panels.map(textOf));
    // First, for the stream of another panel may have the same name.
    for (const [text, element] of this.#shown) if (!wanted.has(text)) this.#remove(text, element);
    for (const panel of panels) if (!this.#shown.has(textOf(panel))) this.#shown.set(textOf(panel), this.#make(panel));
    this.element.querySelector(":scope > p")?.remove();
    const empty = panels.length ? [] : [h("p", { class: "failure" }, "No panels are configured: see [[panels]] in config.toml.")];
    const bySection = Map.groupBy(panels, ({ section = "" }) => section);
    for (const [name, section] of this.#sections) if (!bySection.has(name)) this.#drop(name, section);
    const sections = [...bySection.keys()].map((name) => this.#section(name));
    inOrder(this.element, [...empty, ...sections.map(({ element }) => element)]);
    for (const section of sections) {
      const own = bySection.get(section.name) ?? [];
      inOrder(section.body, own.map((panel) => /** @type {HTMLElement} */ (this.#shown.get(textOf(panel)))));
      section.titled = sections.length > 1;
      section.lines.replaceChildren(...[...section.body.children].flatMap((panel) => this.#foldings.get(/** @type {HTMLElement} */ (panel))?.line ?? []));
    }
    this.#places.arrange(panels, (panel) => /** @type {HTMLElement} */ (this.#shown.get(textOf(panel))));
    this.#arrange();
  }

  /** The panel that is to be seen where this one is, which may share its place. @param {string} id @returns {HTMLElement|null} */
  inSight(id) {
    return this.element.querySelector(`#panel-${this.#places.inSight(id)}`);
  }

  /** Sees to it that the panel is not in a section that is folded. @param {string} id */
  reveal(id) {
    for (const section of this.#sections.values()) {
      if (section.body.querySelector(`:scope > #panel-${CSS.escape(id)}`)) this.#fold(section, false);
    }
  }

  #section(name) {
    const found = this.#sections.get(name) ?? new Section(name, { folded: this.#folded.has(name), turned: (one) => this.#fold(one, one.folded) });
    this.#sections.set(name, found);
    return found;
  }

  #drop(name, section) {
    section.element.remove();
    this.#sections.delete(name);
  }

  #fold(section, folded) {
    section.folded = folded;
    if (folded) this.#folded.add(section.name);
    else this.#folded.delete(section.name);
    lastingStorageOf().setItem(FOLDED, JSON.stringify([...this.#folded]));
    this.#arrange();
  }

  /** @param {Set<Element|null>|null} bodies of the sections that are meant; null: all */
  #arrange(bodies = null) {
    const width = this.element.clientWidth;
    if (!width) return;
    for (const section of this.#sections.values()) if (!bodies || bodies.has(section.body)) section.layOut(width);
  }

  #make(definition) {
    const size = definition.wide ? "wide" : definition.small ? "small" : mayBeFew(definition) ? "few" : null;
    const element = h("vital-panel", { id: `panel-${definition.id}`, class: size, tabindex: "-1" });
    const stream = this.#subscriptions.open(definition);
    this.#changes.observe(element, { attributeFilter: ["hidden", "class"] });
    const variants = this.#places.switchFor(definition);
    const past = this.#past.of(definition, stream);
    const holder = this.#holderOf(element, definition, stream);
    return Object.assign(element, { definition, stream, holder, past, variants, client: this.#client, clock: this.#client.clock, view: this.#view, events: this.#events });
  }

  #holderOf(element, definition, stream) {
    if (!foldable(definition)) return null;
    const folding = new Folding({ element, definition, stream, view: this.#view });
    this.#foldings.set(element, folding);
    return folding;
  }

  #remove(text, element) {
    this.#foldings.get(element)?.close();
    this.#foldings.delete(element);
    element.remove();
    this.#subscriptions.close(/** @type {any} */ (element).definition);
    this.#shown.delete(text);
  }
}

/** Those that were folded when somebody last looked. @returns {string[]} */
function readFolded() {
  try {
    const names = JSON.parse(lastingStorageOf().getItem(FOLDED) ?? "[]");
    return Array.isArray(names) ? names.filter((name) => typeof name === "string") : [];
  } catch {
    return [];
  }
}

/** Puts elements into this order; one that is in its place is not moved, for that would begin its chart anew. */
function inOrder(parent, elements) {
  elements.forEach((element, i) => {
    if (parent.children[i] !== element) parent.insertBefore(element, parent.children[i] ?? null);
  });
}
