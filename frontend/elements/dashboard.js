/** `<vital-dashboard>`: one host's page; connects, lays the panels out, and pauses while nobody looks. */

import { Backoff } from "../client/backoff.js";
import { formatDuration } from "../charts/model/format.js";
import { errorWords } from "../client/protocol.js";
import { INTERVALS } from "../page/choices.js";
import { readView } from "../page/view_address.js";
import { Client } from "../client/client.js";
import { loadPanels } from "../http/panels.js";
import { Address } from "../page/address.js";
import { TimeParts } from "../page/time_parts.js";
import { Past } from "../page/past.js";
import { EventLog } from "../page/event_log.js";
import { PageTitle } from "../page/page_title.js";
import { Subscriptions } from "../page/subscriptions.js";
import { h, setText } from "../dom/html.js";
import { listen } from "../page/keyboard.js";
import { Kiosk } from "../page/kiosk.js";
import { KeyActions } from "../page/key_actions.js";
import { PanelGrid, textOf } from "../page/panel_grid.js";
import { PROCESSES } from "../page/process_table.js";
import { Printing } from "../page/print.js";
import { copy } from "../page/save.js";

const NOTICE_MS = 15_000;
const NOTICES_MAX = 3;

export class VitalDashboard extends HTMLElement {
  /** @type {Client} */ client;
  /** @type {import("../page/view.js").View} */ view;
  /** @type {Subscriptions} */ subscriptions;
  /** @type {Past} */ past;
  /** @type {EventLog} what happened, for all who show it */ events;

  /** Those that are shown, as text. */ #panels = "";
  /** @type {import("../client/table_stream.js").TableStream|null} */ #rows = null;
  /** @type {Address} */ #address;
  /** @type {PageTitle} */ #title;
  /** @type {Kiosk} */ #kiosk;
  /** @type {Printing} */ #printing;
  /** @type {any} */ #embedding;
  /** @type {() => void} */ #stopListening = () => {};
  /** @type {TimeParts} */ #time;
  /** @type {HTMLElement} */ #notice;
  /** @type {HTMLElement} */ #main;
  /** @type {PanelGrid|null} */ #grid = null;
  /** @type {HTMLElement} */ #vitals;
  /** @type {any} */ #status;
  /** @type {any} */ #noticeTimer;
  /** @type {any} */ #retry;
  #scrolled = 0;
  #settled = false;
  /** @type {string[]} what the notice says */ #said = [];
  #welcomed = false;

  connectedCallback() {
    this.client = new Client(document.baseURI, { autostart: false, binary: true });
    const { client } = this;
    if (document.hidden) client.pause();
    this.view = readView(location.search);
    this.subscriptions = new Subscriptions({ client, view: this.view, clock: client.clock });
    this.events = new EventLog({ client, clock: client.clock });
    this.past = new Past({ client, view: this.view, clock: client.clock });
    this.#title = new PageTitle({ events: this.events, clock: client.clock });
    this.#address = new Address(this.view);
    this.#build();
    this.#paint();

    this.#address.start();
    this.#time.start();
    if (this.view.problems.length) this.#say(this.view.problems.join(" "));
    this.#kiosk.start();
    this.#printing.start();
    this.view.addEventListener("change", this.#turned);
    this.#status.addEventListener("turned", this.#entitle);
    this.addEventListener("click", this.#leapt);
    this.addEventListener("link", this.#link);
    this.addEventListener("embed", this.#embed);
    this.addEventListener("tell", this.#told);
    this.addEventListener("reveal", this.#revealed);
    client.addEventListener("message", this.#heard);
    client.addEventListener("dashboards", this.#changed);
    document.addEventListener("visibilitychange", this.#looked);
    this.events.start();
    this.#title.start();
    client.start();
    this.#load(new Backoff());
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#looked);
    this.client.removeEventListener("dashboards", this.#changed);
    this.client.removeEventListener("message", this.#heard);
    this.removeEventListener("reveal", this.#revealed);
    this.removeEventListener("tell", this.#told);
    this.removeEventListener("embed", this.#embed);
    this.removeEventListener("link", this.#link);
    this.removeEventListener("click", this.#leapt);
    this.#status.removeEventListener("turned", this.#entitle);
    this.view.removeEventListener("change", this.#turned);
    this.#printing.stop();
    this.#kiosk.stop();
    this.#time.stop();
    this.#address.stop();
    this.#stopListening();
    this.#title.stop();
    this.events.stop();
    this.past.stop();
    this.subscriptions.stop();
    this.client.stop();
    clearTimeout(this.#noticeTimer);
    clearTimeout(this.#retry);
    this.#panels = "";
    this.#grid = this.#rows = null;
    this.#welcomed = false;
    this.replaceChildren();
  }

  #build() {
    const { client, view, subscriptions } = this;
    const { clock } = client;
    const machine = Object.assign(h("vital-machine"), { client, subscriptions });
    this.#notice = h("p", { class: "notice", role: "status", hidden: true });
    this.#status = Object.assign(h("vital-status"), { client, view, subscriptions });
    this.#time = new TimeParts({ dashboard: this, view, clock, past: this.past });
    const { controls, picker, notice } = this.#time;
    const overview = Object.assign(h("vital-overview"), { client, view, events: this.events, clock });
    const help = /** @type {any} */ (h("vital-help"));
    this.#embedding = h("vital-embedding");
    this.#kiosk = new Kiosk(view);
    this.#printing = new Printing({ dashboard: this, view, clock, host: () => this.client.host });
    controls.addEventListener("help", () => help.toggle());
    this.#main = h("main", { "aria-busy": "true" });
    const sections = Object.assign(h("vital-sections"), { main: this.#main });
    this.replaceChildren(h("header", { class: "top" }, machine, this.#status, controls), overview, this.#notice, notice, this.#main, sections, help, picker, this.#embedding, this.#kiosk.element);
    const keyActions = new KeyActions({ dashboard: this, view, controls, help, kiosk: this.#kiosk, limits: () => this.#time.limits });
    this.#stopListening = listen(document.documentElement, (binding) => keyActions.act(binding));
  }

  // --- its panels --------------------------------------------------------------------------------------------------

  /** @param {Backoff} backoff */
  async #load(backoff) {
    let panels;
    try {
      panels = await loadPanels();
    } catch (error) {
      // What is laid out already stays; the next return of the server is the next chance.
      if (this.isConnected && !this.#panels) this.#failed(error, backoff);
      return;
    }
    if (this.isConnected && this.#differ(panels)) this.#layOut(panels);
  }

  /** The server has other panels now. */
  #changed = () => {
    clearTimeout(this.#retry);
    this.#load(new Backoff());
  };

  /** Whether these are other panels than those that are shown: the server may have come back with another file. */
  #differ(panels) {
    const before = this.#panels;
    this.#panels = textOf(panels);
    return this.#panels !== before;
  }

  #failed(error, backoff) {
    const delay = backoff.next();
    const again = h("button", { type: "button" }, "Try again now");
    const retry = () => {
      clearTimeout(this.#retry);
      this.#load(backoff);
    };
    again.addEventListener("click", retry);
    this.#retry = setTimeout(retry, delay);
    this.#main.replaceChildren(
      h(
        "div",
        { class: "failure", role: "alert" },
        h("h2", {}, "The panels could not be loaded"),
        h("p", {}, `${sentence(error.message)} Look whether Vitalcast is running; the page tries again in ${formatDuration(Math.ceil(delay / 1000))}.`),
        again,
      ),
    );
  }

  #layOut(panels) {
    const { client, view } = this;
    if (!this.#grid) this.#lay();
    const grid = /** @type {PanelGrid} */ (this.#grid);
    grid.show(panels);
    const vitals = Object.assign(h("vital-vitals"), { panels, client, view, past: this.past, events: this.events });
    this.#title.tell({ panels });
    this.#vitals.replaceWith(vitals);
    this.#vitals = vitals;
    if (view.panel !== null) this.#enlarge();
    this.#settled = true;
  }

  /** What is there once there are panels, in the place of what was said before. */
  #lay() {
    const { client, view, subscriptions } = this;
    this.#rows = client.table({ ...PROCESSES, limit: rowsThatFit() }, { name: "@processes" });
    const table = Object.assign(h("vital-processes"), { client, stream: this.#rows, view });
    this.#grid = new PanelGrid({ subscriptions, client, view, events: this.events, past: this.past });
    this.#vitals = h("div");
    this.#main.removeAttribute("aria-busy");
    const told = { view, events: this.events, clock: client.clock };
    const events = Object.assign(h("vital-events", {}, Object.assign(h("vital-marking"), told)), told);
    this.#main.replaceChildren(this.#vitals, this.#grid.element, table, events);
  }

  // --- what the view asks of the page ------------------------------------------------------------------------------

  #turned = ({ detail }) => {
    if (detail.has("panel")) this.#enlarge();
    if (detail.has("interval")) this.#keepPace();
    if (detail.has("theme") || detail.has("frozen")) this.#paint();
  };

  #paint() {
    const { theme, frozen, paused } = this.view;
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    this.classList.toggle("frozen", frozen !== null);
    this.classList.toggle("paused", paused);
  }

  /** One panel in the place of all; what it covers is not laid out, so that its streams wait. */
  #enlarge() {
    const { panel } = this.view;
    if (panel !== null) this.#grid?.reveal(panel);
    const before = this.querySelector("vital-panel.full");
    const full = panel === null ? null : this.querySelector(`#panel-${panel}`);
    if (panel !== null && !full && this.querySelector("vital-panel")) {
      this.#say(`There is no panel \u201c${panel}\u201d here.`);
    }
    // What was at full size may have been removed: then what it covered is to be seen again.
    if (before === full && this.classList.contains("enlarged") === (full !== null)) return;
    if (full && !before) this.#scrolled = scrollY;
    before?.classList.remove("full");
    full?.classList.add("full");
    this.classList.toggle("enlarged", full !== null);
    if (full) scrollTo(0, 0);
    else scrollTo(0, this.#scrolled);
    // Not on opening a link: nobody has asked for the focus then.
    if (this.#settled) /** @type {HTMLElement} */ (full ?? before)?.focus({ preventScroll: true });
  }

  /** A link to a panel leads to the one that has its place now. */
  #leapt = (event) => {
    const id = /#panel-([a-z0-9-]+)$/.exec(event.target.closest?.("a[href]")?.href ?? "")?.[1];
    const shown = id && this.#grid?.inSight(id);
    if (!shown || shown.id === `panel-${id}` || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    shown.scrollIntoView();
    shown.focus({ preventScroll: true });
  };

  #link = async (event) => {
    const address = this.#address.of(event.detail);
    this.#say((await copy(address)) ? "Link copied." : `This browser does not let the page copy. The link: ${address}`);
  };

  #embed = (event) => this.#embedding.open(/** @type {any} */ (event.target).definition);

  #revealed = (event) => this.#grid?.reveal(event.detail);

  #told = (event) => this.#say(event.detail);

  // --- what is heard -----------------------------------------------------------------------------------------------

  #heard = (event) => {
    const message = event.detail;
    if (message.type === "welcome") {
      if (this.#welcomed && this.#panels) this.#load(new Backoff());
      this.#welcomed = true;
      const host = message.host ?? "";
      this.#title.tell({ host });
      this.#keepPace();
    } else if (message.type === "error" && message.id === undefined) {
      this.#say(`${errorWords(message)}.`);
    } else if (message.type === "invalid") {
      this.#say(`The server sent a message that this page cannot read (${message.why}).`);
    }
  };

  #entitle = ({ detail }) => this.#title.tell({ state: detail });

  /** The pace that is shown is the one that is kept: no faster than the server grants, as far as there is a slower one. */
  #keepPace() {
    const { shortestS } = this.client;
    if (this.view.interval >= shortestS) return;
    this.#say(`The shortest interval on this server is ${shortestS} s.`);
    this.view.set({ interval: INTERVALS.find((one) => one >= shortestS) ?? INTERVALS.at(-1) });
  }

  #looked = () => {
    const { client } = this;
    if (document.hidden) client.pause();
    else {
      client.resume();
      client.hurry();
    }
  };

  /** What was said just before stays beside it: a link may have several faults. */
  #say(words) {
    const before = this.#notice.hidden ? [] : this.#said.filter((one) => one !== words);
    this.#said = [...before, words].slice(-NOTICES_MAX);
    this.#notice.hidden = false;
    setText(this.#notice, this.#said.join(" "));
    clearTimeout(this.#noticeTimer);
    this.#noticeTimer = setTimeout(() => {
      this.#notice.hidden = true;
    }, NOTICE_MS);
  }
}

const sentence = (words) => `${words[0].toUpperCase()}${words.slice(1)}.`;

/** As many processes as the window has room for beside the charts; few on a phone, where they come last. */
function rowsThatFit() {
  const { innerWidth, innerHeight } = globalThis;
  if (innerWidth < 740) return 12;
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  return Math.max(12, Math.min(50, Math.floor((innerHeight - 9 * rem) / (1.58 * rem))));
}
