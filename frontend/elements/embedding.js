/** `<vital-embedding>`: how a panel, or the dashboard, can be shown elsewhere: the lines to copy, and a token for them. */

import { offerOf } from "../page/elsewhere.js";
import { snippetsOf } from "../page/snippets.js";
import { LIVE_S, RANGES, longWords } from "../page/choices.js";
import { loadAccess, makeToken } from "../http/access.js";
import { closeBeside } from "../dom/dialog.js";
import { h, setText } from "../dom/html.js";
import { copy } from "../page/save.js";

const SIZES = Object.freeze({ small: [320, 200], medium: [640, 360], large: [960, 540] });
const DAY_S = 86_400;
const LIFETIMES = Object.freeze({ "30 days": 30 * DAY_S, "90 days": 90 * DAY_S, "1 year": 365 * DAY_S, "never": 0 });
const NAME_MAX = 120;
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;
const EXAMPLE = ["https:", "", "wiki.example.org"].join("/");

export class VitalEmbedding extends HTMLElement {
  /** @type {HTMLDialogElement|null} */ #dialog = null;
  /** @type {{id: string, title: string}} */ #panel;
  /** @type {HTMLFormElement} */ #form;
  /** @type {HTMLElement} */ #access;
  /** @type {HTMLElement} */ #lines;
  /** @type {HTMLIFrameElement} */ #preview;
  /** @type {HTMLElement} */ #view;
  /** @type {import("../http/access.js").Access|null} what the server asks of others; null until it is known */ #granted = null;
  /** @type {Map<boolean, string>} tokens that were made here: for the dashboard, and for the panel */ #tokens = new Map();

  disconnectedCallback() {
    this.#close();
  }

  /** Opens it for a panel. @param {{id: string, title: string}} panel */
  open(panel) {
    this.#close();
    this.#panel = panel;
    this.#tokens = new Map();
    this.#build();
    this.#write();
    this.#dialog?.showModal();
    this.#ask();
  }

  #close = () => {
    this.#dialog = null;
    this.replaceChildren();
  };

  #build() {
    const close = h("button", { type: "button", autofocus: true }, "Close ", h("kbd", {}, "Esc"));
    this.#form = /** @type {HTMLFormElement} */ (
      h(
        "form",
        { class: "options", "aria-label": "Appearance" },
        choice("What", "what", { [this.#panel.title]: "panel", "The dashboard": "dashboard" }),
        choice("Theme", "theme", { "page or system": "", dark: "dark", light: "light" }),
        choice("Range", "range", Object.fromEntries(Object.entries(RANGES).map(([words, seconds]) => [longWords(words), seconds])), RANGES["5m"]),
        choice("Size", "size", Object.fromEntries(Object.entries(SIZES).map(([name, [width, height]]) => [`${name}, ${width} × ${height}`, name])), "medium"),
        h("label", { class: "tick" }, h("input", { type: "checkbox", name: "title", checked: true }), " Title"),
      )
    );
    this.#access = h("div", { class: "access" }, h("p", {}, "Checking whether a token is needed…"));
    this.#preview = /** @type {HTMLIFrameElement} */ (h("iframe", { title: "Preview", tabindex: "-1" }));
    this.#view = h("div", { class: "preview" }, this.#preview);
    this.#lines = h("div", { class: "lines" });
    const dialog = /** @type {HTMLDialogElement} */ (
      h(
        "dialog",
        { "aria-labelledby": "embedding-title" },
        h("div", { class: "entitled" }, h("h2", { id: "embedding-title" }, `Embed ${this.#panel.title}`), close),
        this.#form,
        this.#access,
        this.#view,
        this.#lines,
      )
    );
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", this.#close);
    closeBeside(dialog);
    this.#form.addEventListener("change", () => this.#changed());
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    this.#dialog = dialog;
    this.replaceChildren(dialog);
  }

  get #options() {
    const given = new FormData(this.#form);
    const [width, height] = SIZES[String(given.get("size"))];
    const theme = String(given.get("theme"));
    const dashboard = given.get("what") === "dashboard";
    return { dashboard, theme, range: Number(given.get("range")), title: given.has("title"), width, height };
  }

  #changed() {
    const { dashboard } = this.#options;
    setText(/** @type {Element} */ (this.querySelector("h2")), `Embed ${dashboard ? "the dashboard" : this.#panel.title}`);
    this.#write();
  }

  // --- the lines ---------------------------------------------------------------------------------------------------

  #write() {
    const { dashboard, ...options } = this.#options;
    const base = new URL(".", document.baseURI).href;
    const wanted = { base, panel: dashboard ? null : this.#panel, ...options };
    this.#show(wanted);
    if (!this.#granted) return;
    // The preview is for this reader, and the lines are for others, who may know another address.
    const snippets = snippetsOf({ ...wanted, base: this.#granted.url || base, token: this.#tokens.get(dashboard) });
    const { works, needs } = offerOf(snippets, this.#granted, { panel: dashboard ? "" : this.#panel.id, site: EXAMPLE });
    const rest = needs.length ? [h("h3", { class: "rest" }, "Not available yet"), ...needs.map((need) => this.#snippet(need))] : [];
    this.#lines.replaceChildren(...works.map((snippet) => this.#snippet(snippet)), ...rest);
  }

  /** @param {{name: string, words: string, text: string}} snippet */
  #snippet({ name, words, text }) {
    const button = h("button", { type: "button", "aria-label": `Copy: ${name}` }, "Copy");
    const told = h("span", { class: "told", role: "status" });
    button.addEventListener("click", async () => {
      const done = await copy(text, this.#dialog ?? undefined);
      button.focus();
      setText(told, done ? "Copied." : "This browser does not let the page copy. Select the text and copy it.");
    });
    return h(
      "section",
      {},
      h("div", { class: "head" }, h("h3", {}, name), h("p", {}, words), told, button),
      h("pre", { tabindex: "0", role: "group", "aria-label": name }, h("code", {}, text)),
    );
  }

  /** The frame as it will be, without a token: here the reader is known. */
  #show({ base, panel, theme, range, title, width, height }) {
    const url = new URL(panel ? `embed/panel/${panel.id}` : "embed/dashboard", base);
    const words = Object.keys(RANGES).find((key) => RANGES[key] === range) ?? "5m";
    const scheme = theme || document.documentElement.dataset.theme || "system";
    for (const [key, value] of Object.entries({ theme: scheme, range: words, title: Number(title) })) url.searchParams.set(key, String(value));
    this.#view.style.setProperty("--width", String(width));
    this.#view.style.setProperty("--height", String(height));
    if (this.#preview.src !== url.href) this.#preview.src = url.href;
  }

  // --- the token ---------------------------------------------------------------------------------------------------

  async #ask() {
    const dialog = this.#dialog;
    let parts;
    try {
      const access = await loadAccess();
      if (dialog === this.#dialog) {
        this.#granted = access;
        this.#write();
      }
      if (!access.required) parts = [h("p", {}, openWords(access.url))];
      else if (access.scope === "admin") parts = [this.#maker()];
      else parts = [this.#petition()];
    } catch (error) {
      // Then all lines are offered: one of them may be what is wanted.
      if (dialog === this.#dialog) this.#granted ??= { required: true, scope: "", expires: null };
      if (dialog === this.#dialog) this.#write();
      parts = [h("p", { class: "problem" }, `Could not find out whether a token is needed: ${error.message}.`)];
    }
    if (dialog === this.#dialog) this.#access.replaceChildren(...parts);
  }

  #petition() {
    return h("p", {}, "A token is needed. Create it on the server with ", h("code", {}, `vitalcast token create --scope embed --panel ${this.#panel.id} --origin ${EXAMPLE}`), ".");
  }

  #maker() {
    const origin = h("input", { name: "origin", type: "url", required: true, placeholder: EXAMPLE, autocomplete: "off", spellcheck: "false", id: "embedding-origin" });
    const lifetime = choice("Expires", "expires", Object.fromEntries(Object.entries(LIFETIMES).map(([words, seconds]) => [words === "never" ? words : `in ${words}`, seconds])), 90 * DAY_S);
    const make = h("button", {}, "Create a token");
    const told = h("p", { class: "told", role: "status" });
    const form = /** @type {HTMLFormElement} */ (
      h("form", { class: "maker" }, h("label", {}, "Site that may show it", origin), lifetime, make, told)
    );
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const given = new FormData(form);
      await this.#make(String(given.get("origin")), Number(given.get("expires")), told);
    });
    return h("div", {}, h("p", {}, "A token is needed. A token created here opens this and nothing else, as far back as the range that is chosen."), form);
  }

  async #make(site, expires, told) {
    const { dashboard } = this.#options;
    const { id, title } = this.#panel;
    const tokens = this.#tokens;
    const what = dashboard ? { dashboard: true } : { panels: [id] };
    const origin = originOf(site);
    // By characters, for half of one is no text.
    const name = [...`${dashboard ? "dashboard" : title} on ${origin}`.replace(/\s/gu, " ")].slice(0, NAME_MAX).join("");
    try {
      const made = await makeToken({ ...what, origins: [origin], expires: expires || null, since: Math.max(LIVE_S, this.#options.range), name });
      tokens.set(dashboard, made.token);
      if (tokens !== this.#tokens || !this.#dialog) return;
      this.#write();
      setText(told, `Token created; it is in the snippets below and will not be shown again. To revoke it: vitalcast token revoke ${made.id}`);
    } catch (error) {
      setText(told, `The token could not be created: ${error.message}.`);
    }
  }
}

/** @param {string|undefined} url at which others reach the server, where it says so */
function openWords(url) {
  const reach = !url && LOOPBACK.test(location.hostname) ? " Only this machine reaches these addresses: see --host and server.public_url for others." : "";
  return `No token is needed here.${reach}`;
}

/** What is pasted may be the address of a page. */
function originOf(text) {
  try {
    return new URL(text).origin;
  } catch {
    return text;
  }
}

/** @param {string} words @param {string} name @param {Record<string, string|number>} values by their words */
function choice(words, name, values, chosen = Object.values(values)[0]) {
  const options = Object.entries(values).map(([text, value]) => h("option", { value, selected: value === chosen }, text));
  return h("label", {}, words, h("select", { name }, ...options));
}
