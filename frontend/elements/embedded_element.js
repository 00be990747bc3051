/** What our elements on pages elsewhere have in common: a server, options as attributes, and news as events. */

import { opaqueWords } from "../page/opaque.js";
import { readOptions } from "../page/options.js";
import { enter, leave } from "../page/server_page.js";

/** The address below which the server is that this script came from. */
const HOME = new URL("../..", import.meta.url).href;

/**
 * Attributes may change at any time, and the element may be moved, removed and added again. Events, which go up through
 * the page: `ready`, `live`, `stale` and `error`; their `detail` says more.
 */
export class EmbeddedElement extends HTMLElement {
  /** The attributes that are options. @type {readonly string[]} */ static options = [];

  constructor() {
    super();
    this.root = this.attachShadow({ mode: "open" });
    this.#internals = this.attachInternals();
  }

  #internals;
  #settling = false;
  #entered = "";
  #failed = "";
  /** @type {import("../page/server_page.js").ServerPage|null} */ server = null;

  connectedCallback() {
    this.#internals.states.delete("inline");
    if (getComputedStyle(this).display === "inline") this.#internals.states.add("inline");
    this.#settle();
  }

  disconnectedCallback() {
    this.#leave();
  }

  attributeChangedCallback() {
    // Several that change together are one change.
    if (this.#settling || !this.isConnected) return;
    this.#settling = true;
    queueMicrotask(() => {
      this.#settling = false;
      if (this.isConnected) this.#settle();
    });
  }

  /** Begins to show. @param {import("../page/server_page.js").ServerPage} _station @param {any} _options */
  open(_station, _options) {}

  /** Other options than before. @param {any} _options */
  change(_options) {}

  /** Shows nothing any more. Only after `open`. */
  close() {}

  /** Says what is wrong with what was asked. @param {string} _message */
  refuse(_message) {}

  /** What options lack, in words. @param {any} _options @returns {string[]} */
  lacks(_options) {
    return [];
  }

  /** @param {{type: string, [detail: string]: any}} news */
  tell({ type, ...detail }) {
    const { states } = this.#internals;
    for (const other of ["live", "stale", "error"]) states.delete(other);
    if (type !== "ready") states.add(type);
    this.dispatchEvent(new CustomEvent(type, { bubbles: true, composed: true, detail }));
  }

  #settle() {
    const { options: known } = /** @type {typeof EmbeddedElement} */ (this.constructor);
    const given = known.filter((name) => this.hasAttribute(name)).map((name) => /** @type {[string, any]} */ ([name, this.getAttribute(name)]));
    const { options, problems } = readOptions(given, known);
    const src = serverOf(this.getAttribute("src"));
    const opaque = opaqueWords();
    if (opaque) problems.unshift(opaque);
    if (!src) problems.push(`src cannot be “${this.getAttribute("src")}”; give the address of a Vitalcast server.`);
    problems.push(...(problems.length ? [] : this.lacks(options)));
    if (problems.length || !src) {
      this.#leave();
      const message = problems.join(" ");
      this.refuse(message);
      if (message !== this.#failed) this.tell({ type: "error", code: null, message });
      this.#failed = message;
      return;
    }
    this.#failed = "";
    const token = this.getAttribute("token")?.trim() ?? "";
    const wanted = `${src} ${token}`;
    if (this.server && wanted === this.#entered) {
      this.change(options);
      return;
    }
    this.#leave();
    this.#entered = wanted;
    this.server = enter(src, token);
    this.open(this.server, options);
  }

  #leave() {
    if (!this.server) return;
    this.close();
    leave(this.server);
    this.server = null;
  }
}

/** @param {string|null} text @returns {string|null} with a slash at its end; null for what is no address of a server */
function serverOf(text) {
  try {
    const url = new URL(text?.trim() || HOME, document.baseURI);
    if (!/^https?:$/.test(url.protocol)) return null;
    url.search = url.hash = "";
    if (!url.pathname.endsWith("/")) url.pathname += "/";
    return url.href;
  } catch {
    return null;
  }
}
