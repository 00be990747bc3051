/** `<vital-wall-help>`: the keys of a wall screen, and what it knows of itself. */

import { formatDuration } from "../charts/model/format.js";
import { h } from "../dom/html.js";
import { sizeOfPage } from "../page/reload.js";

const KEYS = Object.freeze([
  ["→", "Next page"],
  ["←", "Previous page"],
  ["Space", "Stay on this page, or continue"],
  ["F", "Full screen on or off"],
  ["P", "Show a code to pair this screen, so that it can be named and its playlist switched"],
  ["?", "Show this help"],
]);

/**
 * @typedef {{host: string, screen: import("../http/playlist.js").ScreenState|null, sleepWhy: string}} Facts
 *   sleepWhy: why the screen may be switched off, empty where it is not
 */

export class VitalWallHelp extends HTMLElement {
  /** @type {HTMLDialogElement} */ #dialog;

  connectedCallback() {
    this.#dialog = /** @type {HTMLDialogElement} */ (h("dialog", { class: "help", "aria-label": "Help" }));
    const rows = KEYS.map(([key, words]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, words)));
    this.#dialog.replaceChildren(h("h2", {}, "This screen"), h("dl", { class: "facts" }), h("h2", {}, "Keys"), h("dl", {}, ...rows));
    this.replaceChildren(this.#dialog);
  }

  disconnectedCallback() {
    this.replaceChildren();
  }

  get open() {
    return this.#dialog.open;
  }

  /** @param {Facts} facts */
  toggle(facts) {
    this.write(facts);
    if (this.#dialog.open) this.#dialog.close();
    else this.#dialog.showModal();
  }

  /** @param {Facts} facts */
  write({ host, screen, sleepWhy }) {
    const { bytes, nodes, ageMs } = sizeOfPage();
    const size = [Number.isNaN(bytes) ? "" : `${Math.round(bytes / 2 ** 20)} MiB`, `${nodes} nodes`, `open for ${formatDuration(Math.floor(ageMs / 1000))}`];
    const { name = "", version = "", playlist = null } = screen ?? {};
    const rows = [
      ["Shows", `${host || "nothing yet"}${playlist ? `, playlist ${playlist.id}` : ""}`],
      ["Name", name || "none: not paired"],
      ["Version", version],
      ["Stays on", sleepWhy ? `maybe not: ${sleepWhy}` : "yes"],
      ["The clock", `the server\u2019s, in this screen\u2019s time zone (${Intl.DateTimeFormat().resolvedOptions().timeZone})`],
      ["Takes", size.filter(Boolean).join(", ")],
    ];
    this.#dialog.querySelector(".facts")?.replaceChildren(...rows.map(([what, words]) => h("div", {}, h("dt", {}, what), h("dd", {}, words))));
  }
}
