/** `<vital-machine>`: which machine this is, and the ways to the other pages. */

import { factsOf } from "../page/machine_facts.js";
import { loadAccess } from "../http/access.js";
import { h, setText } from "../dom/html.js";

const LINKS = Object.freeze([
  { words: "Screens", href: "screens" },
  { words: "Wall", href: "wall" },
  { words: "Manual", href: "docs" },
  { words: "HTTP API", href: "docs/api" },
]);

/** Set `client` and `subscriptions` before it is connected. */
export class VitalMachine extends HTMLElement {
  /** @type {import("../client/client.js").Client} */ client;
  /** @type {import("../page/subscriptions.js").Subscriptions} */ subscriptions;

  /** @type {HTMLElement} */ #name;
  /** @type {HTMLElement} */ #what;
  /** @type {HTMLElement} */ #uptime;
  /** @type {HTMLElement} */ #about;
  /** @type {any} */ #menu;
  /** @type {Record<string, string>} */ #resource = {};
  /** What the menu says of it. */ #told = "";

  connectedCallback() {
    this.#name = h("h1", {}, "\u2026");
    this.#what = h("span", { class: "what" });
    this.#uptime = h("span", { class: "uptime" });
    // Where there is no room for a line, and no pointer that rests on it, this tells which machine it is.
    this.#about = h("div", { class: "about" });
    this.#menu = Object.assign(h("vital-menu"), { label: "This machine and other pages", items: LINKS, head: this.#about });
    // Not before somebody looks.
    this.#menu.addEventListener("click", () => this.#offerLogOut(), { once: true });
    this.classList.add("host");
    this.replaceChildren(this.#menu, h("div", {}, this.#name, h("p", { class: "facts" }, this.#what, this.#uptime)));
    this.client.addEventListener("message", this.#heard);
    this.subscriptions.host.addEventListener("change", this.#changed);
  }

  disconnectedCallback() {
    this.subscriptions.host.removeEventListener("change", this.#changed);
    this.client.removeEventListener("message", this.#heard);
    this.replaceChildren();
  }

  #heard = ({ detail: message }) => {
    if (message.type !== "welcome") return;
    setText(this.#name, message.host ?? "");
    this.#resource = message.resource ?? {};
    this.#changed();
  };

  #changed = () => {
    const { ring, series } = this.subscriptions.host.store;
    const newest = (name) => {
      const column = series.findIndex((one) => one.name === name);
      return column < 0 || !ring.length ? NaN : ring.value(column, ring.length - 1);
    };
    const numbers = { cpus: newest("system.cpu.logical.count"), memory: newest("system.memory.limit"), upS: newest("system.uptime") };
    const { up, short, long } = factsOf(this.#resource, numbers);
    setText(this.#what, short.join(" \u00b7 "));
    setText(this.#uptime, up);
    const lines = [this.#name.textContent ?? "", ...long];
    this.#what.parentElement?.setAttribute("title", long.join("\n"));
    if (this.#told === lines.join("\n")) return;
    this.#told = lines.join("\n");
    this.#about.replaceChildren(...lines.map((line, i) => h(i ? "span" : "strong", {}, line)));
  };

  /** Whoever needed no token has nothing to log out of. */
  async #offerLogOut() {
    const access = await loadAccess().catch(() => null);
    if (!access?.required || !this.isConnected) return;
    this.#menu.add({ words: "Log out", run: leave });
  }
}

/** A form of the page's own: the answer is a page, and takes this one's place. */
function leave() {
  const form = /** @type {HTMLFormElement} */ (h("form", { method: "post", action: new URL("logout", document.baseURI).href, hidden: true }));
  document.body.append(form);
  form.submit();
}
