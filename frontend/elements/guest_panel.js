/** `<vitalcast-panel>`: one live panel on a page of anybody's. */

import { viewOf } from "../core/options.js";
import { Guest } from "./guest.js";
import { h } from "./html.js";
import { dressPanel, watchColors } from "./shadow.js";
import { Stage } from "./stage.js";

/**
 * Attributes: `src`, the server's address (where the script came from, unless told); `panel`, its id; `token`; `theme`
 * (as the page around, unless told), `range`, `interval` and `heading`.
 */
export class VitalcastPanel extends Guest {
  static options = ["panel", "theme", "range", "interval", "heading"];
  static observedAttributes = [...VitalcastPanel.options, "src", "token"];

  constructor() {
    super();
    dressPanel(this.root);
    this.#frame = h("div", { class: "frame", part: "frame" });
    this.#watch = watchColors(() => this.#stage?.recolour());
    this.root.append(this.#frame);
  }

  #frame;
  #watch;
  /** @type {Stage|null} */ #stage = null;
  /** @type {import("../core/view.js").View} */ view;
  #panel = "";

  lacks({ panel }) {
    return panel ? [] : ["panel is missing; give the id of a panel, such as cpu."];
  }

  open(station, options) {
    this.view = viewOf(options);
    this.#panel = options.panel;
    this.#stage = new Stage({ station, view: this.view, panels: [options.panel], title: options.heading });
    this.#stage.addEventListener("news", this.#heard);
    this.#paint(options);
    this.#frame.replaceChildren(this.#watch, this.#stage.element);
    this.#stage.start();
  }

  change(options) {
    const { rate, range } = viewOf(options);
    const stage = /** @type {Stage} */ (this.#stage);
    stage.title = options.heading ?? true;
    this.#paint(options);
    if (range !== this.view.range) this.view.reach(range);
    this.view.set({ rate });
    if (options.panel === this.#panel) return;
    this.#panel = options.panel;
    stage.show([options.panel]);
  }

  close() {
    this.#stage?.removeEventListener("news", this.#heard);
    this.#stage?.stop();
    this.#stage = null;
    this.#frame.replaceChildren();
  }

  refuse(message) {
    const words = h("p", { class: "problem", role: "alert" }, message);
    this.#frame.replaceChildren(h("div", { class: "stage one" }, h("div", { class: "room" }, words)));
  }

  #paint({ theme }) {
    if (theme) this.#frame.dataset.theme = theme;
    else delete this.#frame.dataset.theme;
  }

  #heard = ({ detail }) => this.tell(detail);
}
