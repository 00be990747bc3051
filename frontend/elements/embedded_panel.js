/** `<vitalcast-panel>`: one live panel on a page of anybody's. */

import { EmbeddedElement } from "./embedded_element.js";
import { h } from "../dom/html.js";
import { dressPanel, watchColors } from "../page/shadow_styles.js";
import { EmbedView } from "../page/embed_view.js";
import { viewOf } from "../page/view_address.js";

/**
 * Attributes: `src`, the server's address (where the script came from, unless told); `panel`, its id; `token`; `theme`
 * (as the page around, unless told), `range`, `interval`, `from`, `to`, `at`,
 * `compare`, `events` and `heading`.
 */
export class VitalcastPanel extends EmbeddedElement {
  static options = ["panel", "theme", "range", "interval", "from", "to", "at", "compare", "events", "heading"];
  static observedAttributes = [...VitalcastPanel.options, "src", "token"];

  constructor() {
    super();
    dressPanel(this.root);
    this.#frame = h("div", { class: "frame", part: "frame" });
    this.#watch = watchColors(() => this.#embedView?.recolour());
    this.root.append(this.#frame);
  }

  #frame;
  #watch;
  /** @type {EmbedView|null} */ #embedView = null;
  /** @type {import("../page/view.js").View} */ view;
  #panel = "";
  #times = "";

  lacks(options) {
    return options.panel ? viewOf(options).problems : ["panel is missing; give a panel id, such as cpu."];
  }

  open(server, options) {
    this.view = viewOf(options);
    this.#panel = options.panel;
    this.#times = JSON.stringify([options.from, options.to, options.at]);
    this.#embedView = new EmbedView({ server, view: this.view, panels: [options.panel], title: options.heading, events: options.events });
    this.#embedView.addEventListener("news", this.#heard);
    this.#paint(options);
    this.#frame.replaceChildren(this.#watch, this.#embedView.element);
    this.#embedView.start();
  }

  change(options) {
    const { interval, range, compare, frozen, at } = viewOf(options);
    const embedView = /** @type {EmbedView} */ (this.#embedView);
    embedView.title = options.heading ?? true;
    embedView.events = options.events ?? false;
    this.#paint(options);
    const times = JSON.stringify([options.from, options.to, options.at]);
    if (times !== this.#times) embedView.goTo({ frozen, at });
    this.#times = times;
    if (range !== this.view.range) this.view.reach(range);
    this.view.set({ interval, compare });
    if (options.panel === this.#panel) return;
    this.#panel = options.panel;
    embedView.show([options.panel]);
  }

  close() {
    this.#embedView?.removeEventListener("news", this.#heard);
    this.#embedView?.stop();
    this.#embedView = null;
    this.#frame.replaceChildren();
  }

  refuse(message) {
    const words = h("p", { class: "problem", role: "alert" }, message);
    this.#frame.replaceChildren(h("div", { class: "embed-view one" }, h("div", { class: "room" }, words)));
  }

  #paint({ theme }) {
    if (theme) this.#frame.dataset.theme = theme;
    else delete this.#frame.dataset.theme;
  }

  #heard = ({ detail }) => this.tell(detail);
}
