/** `<vital-embed>`: the whole of a page that is framed by another; its address says what it shows. */

import { messageOf, readMessage } from "../page/frame_messages.js";
import { opaqueWords } from "../page/opaque.js";
import { readOptions } from "../page/options.js";
import { enter, leave } from "../page/server_page.js";
import { h } from "../dom/html.js";
import { EmbedView } from "../page/embed_view.js";
import { viewOf } from "../page/view_address.js";

/** The address below which the server is. */
const ROOT = new URL("../..", import.meta.url).href;
const LOOKS = Object.freeze(["theme", "range", "interval", "from", "to", "at", "compare", "events", "title"]);

export class VitalEmbed extends HTMLElement {
  /** @type {import("../page/view.js").View} */ view;
  /** @type {import("../page/server_page.js").ServerPage|null} */ server = null;

  /** @type {EmbedView} */ #embedView;
  /** @type {readonly string[]} what the page around may set */ #settable = [];
  /** @type {string|null} the panel that is shown, null for a dashboard */ #panel = null;

  connectedCallback() {
    const [, panel = null] = /\/embed\/panel\/([^/]+)$/.exec(location.pathname) ?? [];
    this.#panel = panel === null ? null : decodeURIComponent(panel);
    this.#settable = [...LOOKS, panel === null ? "panels" : "panel"];
    const query = new URLSearchParams(location.search);
    const token = query.get("token") ?? "";
    query.delete("token");
    const { options, problems } = readOptions(query, panel === null ? [...LOOKS, "panels"] : LOOKS);
    this.view = viewOf(options);
    problems.push(...this.view.problems);
    this.#paint();
    const opaque = opaqueWords();
    if (opaque) problems.unshift(opaque);
    if (problems.length) {
      this.#refuse(problems.join(" "));
      return;
    }
    this.server = enter(ROOT, token);
    const { title, events, panels = null } = options;
    const shown = this.#panel === null ? { panels, whole: true } : { panels: [this.#panel] };
    this.#embedView = new EmbedView({ server: this.server, view: this.view, title, events, ...shown });
    this.replaceChildren(this.#embedView.element);
    this.#embedView.addEventListener("news", this.#heard);
    this.view.addEventListener("change", this.#turned);
    globalThis.addEventListener("message", this.#asked);
    this.#embedView.start();
  }

  disconnectedCallback() {
    if (!this.server) return;
    globalThis.removeEventListener("message", this.#asked);
    this.view.removeEventListener("change", this.#turned);
    this.#embedView.removeEventListener("news", this.#heard);
    this.#embedView.stop();
    leave(this.server);
    this.server = null;
    this.replaceChildren();
  }

  /** @param {string} message */
  #refuse(message) {
    this.replaceChildren(h("div", { class: "embed-view one" }, h("div", { class: "room" }, h("p", { class: "problem", role: "alert" }, message))));
    this.#post({ type: "error", panel: this.#panel, code: null, message });
  }

  #turned = ({ detail }) => {
    if (detail.has("theme")) this.#paint();
  };

  #paint() {
    const { theme } = this.view;
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }

  // --- the page around ---------------------------------------------------------------------------------------------

  #heard = ({ detail }) => {
    if (detail.type === "ready") this.#entitle();
    this.#post(detail);
  };

  #entitle() {
    const one = this.server?.panels?.find(({ id }) => id === this.#panel);
    document.title = one ? `${one.title} – Vitalcast` : "Vitalcast";
  }

  /** Nothing that is told is a secret: who frames this page sees it all the same. */
  #post(news) {
    if (parent === globalThis.window) return;
    parent.postMessage(messageOf(news), location.ancestorOrigins?.[0] ?? "*");
  }

  /** Who may frame this page is the server's to say, so the page around is one that may ask. */
  #asked = ({ source, data }) => {
    if (source !== parent || parent === globalThis.window) return;
    const read = readMessage(data, this.#settable);
    if (!read) return;
    const { options, problems } = read;
    if (timed(options)) problems.push(...this.#timesOf(options).problems);
    const unknown = [options.panel, ...(options.panels ?? [])].find((id) => id !== undefined && !this.#embedView.known.includes(id));
    if (unknown !== undefined) problems.push(`There is no panel “${unknown}” here; there are ${this.#embedView.known.join(", ") || "none yet"}.`);
    if (problems.length) this.#post({ type: "error", panel: this.#panel, code: null, message: problems.join(" ") });
    else this.#set(options);
  };

  /** @param {import("../page/options.js").Options} options */
  #set(options) {
    const { theme, range, interval, compare, events, title, panel, panels } = options;
    if (theme !== undefined) this.view.set({ theme });
    if (timed(options)) this.#embedView.goTo(this.#timesOf(options));
    if (range !== undefined && timed(options)) this.view.set({ range });
    else if (range !== undefined) this.view.reach(range);
    if (events !== undefined) this.#embedView.events = events;
    if (interval !== undefined) this.view.set({ interval });
    if (compare !== undefined) this.view.set({ compare });
    if (title !== undefined) this.#embedView.title = title;
    if (panels !== undefined) this.#embedView.show(panels);
    if (panel === undefined) return;
    this.#panel = panel;
    this.#embedView.show([panel]);
  }

  /** The times that are asked for; all of them empty: the newest. @param {import("../page/options.js").Options} options */
  #timesOf({ from = "", to = "", at = "", range = this.view.range }) {
    const given = Object.fromEntries(Object.entries({ from, to, at }).filter(([, text]) => text));
    return viewOf({ range, ...given }, this.server?.client.clock.now());
  }
}

/** @param {import("../page/options.js").Options} options */
const timed = ({ from, to, at }) => from !== undefined || to !== undefined || at !== undefined;
