/** `<vitalcast-panel>`: one live panel on a page of anybody's. */

import { viewOf } from "../page/options.js";
import { EmbeddedElement } from "./embedded_element.js";
import { h } from "../dom/html.js";
import { dressPanel, watchColors } from "../page/shadow_styles.js";
import { EmbedView } from "../page/embed_view.js";

/**
 * Attributes: `src`, the server's address (where the script came from, unless told); `panel`, its id; `token`; `theme`
 * (as the page around, unless told), `range`, `interval` and `heading`.
 */
export class VitalcastPanel extends EmbeddedElement {
  static options = ["panel", "theme", "range", "interval", "heading"];
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

  lacks({ panel }) {
    return panel ? [] : ["panel is missing; give a panel id, such as cpu."];
  }

  open(server, options) {
    this.view = viewOf(options);
    this.#panel = options.panel;
    this.#embedView = new EmbedView({ server, view: this.view, panels: [options.panel], title: options.heading });
    this.#embedView.addEventListener("news", this.#heard);
    this.#paint(options);
    this.#frame.replaceChildren(this.#watch, this.#embedView.element);
    this.#embedView.start();
  }

  change(options) {
    const { interval, range } = viewOf(options);
    const embedView = /** @type {EmbedView} */ (this.#embedView);
    embedView.title = options.heading ?? true;
    this.#paint(options);
    if (range !== this.view.range) this.view.reach(range);
    this.view.set({ interval });
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
