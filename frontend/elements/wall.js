/** `<vital-wall>`: a screen that nobody touches; shows its playlist for ever, and says aloud when that is not the present. */

import { Backoff } from "../client/backoff.js";
import { formatClock, formatDuration } from "../charts/model/format.js";
import { storageOf } from "../page/storage.js";
import { opaqueWords } from "../page/opaque.js";
import { State, Status } from "../client/status.js";
import { RANGES, View } from "../page/view.js";
import { Rotation, shiftOf, warningOf } from "../page/wall_layout.js";
import { connect } from "../client/connection.js";
import { loadPanels } from "../client/http_panels.js";
import { PlaylistPoller, Pairing } from "../client/http_playlist.js";
import { hideIdleCursor } from "../page/cursor.js";
import { Subscriptions, youngest } from "../page/subscriptions.js";
import { everyBeat } from "../page/animation_frames.js";
import { h, setText } from "../page/html.js";
import { Reload, sizeOfPage } from "../page/reload.js";
import { Wake } from "../page/wake_lock.js";
import { FADE_MS, WallPage } from "../page/wall_page.js";

const MINUTE_MS = 60_000;
/** The next page is prepared so long before its turn. */
const LEAD_MS = 4000;
/** A line that is back within this time is not worth large words. */
const PATIENCE_MS = 2000;
const KEPT = "vitalcast.wall";
const KEYS = Object.freeze([
  ["→", "The next page"],
  ["←", "The page before"],
  ["Space", "Stay on this page, or go on"],
  ["F", "Full screen, and back"],
  ["P", "Show a code to pair this screen, so that it can be named and sent another playlist"],
  ["?", "This help"],
]);

export class VitalWall extends HTMLElement {
  /** @type {ReturnType<typeof connect>} */ connection;

  #status = new Status();
  #again = new Backoff({ firstMs: 1000, mostMs: 30_000 });
  #wake = new Wake();
  /** @type {any} */ #againTimer;
  /** @type {Subscriptions} */ #feeds;
  /** @type {View} how far back the streams reach */ #reach;
  /** @type {PlaylistPoller} */ #orders;
  /** @type {Pairing} */ #pairing;
  /** @type {Reload} */ #renewal;
  /** @type {import("../client/http_playlist.js").PlaylistPoller|any} */ #order = null;
  /** @type {import("../charts/model/panel.js").Panel[]|null} */ #panels = null;
  /** What is shown, as text. */ #built = "";
  /** @type {WallPage[]} one an entry; equal entries share theirs */ #pages = [];
  /** @type {Rotation} */ #rotation = new Rotation([]);
  /** @type {WallPage|null} */ #shown = null;
  /** @type {Set<WallPage>} those of other orders, until they are not shown any more */ #retired = new Set();
  /** @type {{page: WallPage, index: number, ready: boolean}|null} */ #coming = null;
  #state = /** @type {string} */ (State.CONNECTING);
  #host = "";
  /** @type {() => void} */ #stopBeat = () => {};
  /** @type {() => void} */ #stopHiding = () => {};
  /** @type {ResizeObserver} */ #resizes;

  /** @type {HTMLElement} */ #frame;
  /** @type {HTMLElement} */ #name;
  /** @type {HTMLElement} */ #title;
  /** @type {HTMLElement} */ #sign;
  /** @type {HTMLElement} */ #time;
  /** @type {HTMLElement} */ #stage;
  /** @type {HTMLElement} */ #marks;
  #storage = storageOf();
  /** @type {HTMLElement} */ #warning;
  /** @type {HTMLElement} */ #code;
  /** @type {HTMLDialogElement} */ #help;

  connectedCallback() {
    const opaque = opaqueWords();
    if (opaque) {
      this.replaceChildren(h("p", { class: "problem", role: "alert" }, opaque));
      return;
    }
    // Of the root, whatever prefix a proxy puts before both.
    const root = new URL("../..", import.meta.url).href;
    const address = new URL(location.href);
    this.connection = connect({ page: root });
    const { session, socket, clock } = this.connection;
    if (document.hidden) session.pause();
    this.#reach = new View();
    this.#feeds = new Subscriptions({ session, view: this.#reach, clock });
    this.#orders = new PlaylistPoller({ page: root, playlist: nameIn(address.pathname) });
    this.#pairing = new Pairing({ page: root });
    const memoryMaxMib = Number(address.searchParams.get("memory")) || undefined;
    this.#renewal = new Reload({ needs: [address, new URL("static/wall.js", root), new URL("readyz", root)], memoryMaxMib });
    this.#build(root);

    socket.addEventListener("message", this.#heard);
    socket.addEventListener("link", this.#linked);
    this.#orders.addEventListener("order", this.#ordered);
    this.#orders.addEventListener("heard", this.#known);
    this.#orders.addEventListener("stranger", this.#estranged);
    this.#pairing.addEventListener("code", this.#coded);
    this.#pairing.addEventListener("refused", this.#refused);
    this.#pairing.addEventListener("lost", this.#lost);
    this.#pairing.addEventListener("approved", this.#approved);
    document.addEventListener("visibilitychange", this.#looked);
    document.addEventListener("keydown", this.#pressed);
    this.#resizes = new ResizeObserver(() => this.#fit());
    this.#resizes.observe(this.#stage);
    this.#stopBeat = everyBeat(() => this.#beat());
    this.#stopHiding = hideIdleCursor();
    this.#wake.start();
    this.#orders.start();
  }

  disconnectedCallback() {
    if (!this.#orders) return;
    this.#orders.stop();
    this.#pairing.stop();
    this.#wake.stop();
    this.#stopHiding();
    this.#stopBeat();
    this.#resizes.disconnect();
    document.removeEventListener("keydown", this.#pressed);
    document.removeEventListener("visibilitychange", this.#looked);
    clearTimeout(this.#againTimer);
    this.#feeds.stop();
    this.connection.socket.removeEventListener("link", this.#linked);
    this.connection.socket.stop();
    for (const page of new Set([...this.#pages, ...this.#retired])) page.remove();
    this.replaceChildren();
  }

  #build(root) {
    this.#name = h("h1", {}, "\u2026");
    this.#title = h("p", { class: "title" });
    this.#sign = h("p", { class: "sign", role: "status" });
    this.#time = h("time", { class: "clock" });
    this.#stage = h("div", { class: "stage" });
    this.#marks = h("ol", { class: "marks", "aria-hidden": "true" });
    this.#warning = h("div", { class: "warning", role: "alert", hidden: true }, h("strong"), h("p"));
    this.#code = h("div", { class: "pairing", role: "status", hidden: true });
    this.#help = /** @type {HTMLDialogElement} */ (h("dialog", { class: "help", "aria-label": "Help" }));
    this.#frame = h("div", { class: "frame" }, h("header", {}, this.#name, this.#title, this.#sign, this.#time), this.#stage, this.#marks);
    this.replaceChildren(this.#frame, this.#warning, this.#code, this.#help);
    this.#code.dataset.root = root;
  }

  // --- what is to be shown -----------------------------------------------------------------------------------------

  #ordered = ({ detail }) => {
    this.#order = detail;
    this.#renewal.heard(detail.version);
    this.#arrange();
  };

  /** The server lets this screen in. */
  #known = () => {
    const { socket } = this.connection;
    if (!this.#asked) this.#hidePairing();
    if (socket.link === "new") socket.start();
    this.#renewal.heard(this.#order.version);
  };

  /** Whether somebody at the screen has asked for a code, although it is let in. */
  #asked = false;

  #heard = ({ detail }) => {
    if (detail.type !== "welcome") return;
    this.#host = detail.host ?? "";
    setText(this.#name, this.#host);
    this.#again.reset();
    this.#orders.hurry();
    this.#load();
  };

  /** The server may have come back with other panels. */
  async #load() {
    try {
      this.#panels = await loadPanels({ page: this.#code.dataset.root });
    } catch {
      setTimeout(() => this.connection.socket.link === "open" && this.#load(), LEAD_MS);
      return;
    }
    this.#arrange();
  }

  /** Makes the pages anew where they are others; what is shown stays until the first of them is ready. */
  #arrange() {
    if (!this.#order || !this.#panels) return;
    const { playlist } = this.#order;
    const built = JSON.stringify([playlist, this.#panels], (key, value) => (key === "series" ? undefined : value));
    if (built === this.#built) return;
    this.#built = built;
    const kept = this.#recall();
    for (const page of this.#pages) this.#retired.add(page);
    this.#coming = null;
    this.#dress(playlist);
    this.#makePages(playlist?.entries ?? []);
    this.#rotation = new Rotation((playlist?.entries ?? []).map(({ seconds }) => seconds), kept.playlist === playlist?.id ? kept.index : 0);
    if (kept.held && kept.playlist === playlist?.id) this.#rotation.hold(performance.now());
    this.#marks.replaceChildren(...this.#pages.map(() => h("li", {}, h("i"))));
    if (this.#pages.length) this.#turnTo(this.#rotation.index);
    else this.#replace(null);
  }

  #dress(playlist) {
    const { theme = "dark", title = "", clock = true } = playlist ?? {};
    setText(this.#title, title);
    this.#time.hidden = !clock;
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    document.title = `${title || "Wall"} \u2013 Vitalcast`;
  }

  #makePages(entries) {
    const { session, clock } = this.connection;
    const panels = this.#panels ?? [];
    this.#feeds.clear();
    this.#reach.set({ range: Math.max(...entries.map(({ range }) => RANGES[range]), RANGES["1m"]) });
    const streams = new Map();
    const streamOf = (panel) => {
      if (!streams.has(panel)) streams.set(panel, this.#feeds.open(panel));
      return streams.get(panel);
    };
    const wishes = new Wishes(session);
    const made = new Map();
    this.#pages = entries.map((entry) => {
      const { seconds: _, ...look } = entry;
      const key = JSON.stringify(look);
      if (made.has(key)) return made.get(key);
      const chosen = entry.panels.length ? entry.panels.flatMap((id) => panels.find((panel) => panel.id === id) ?? []) : panels;
      const page = new WallPage({ entry, panels: chosen, session: wishes.ofAnother(), clock, streamOf });
      made.set(key, page);
      this.#stage.append(page.element);
      return page;
    });
    this.#fit();
  }

  #fit() {
    const { clientWidth: width, clientHeight: height } = this.#stage;
    const gap = parseFloat(getComputedStyle(this.#stage).columnGap) || 0;
    for (const page of this.#pages) page.fit({ width, height, gap });
  }

  // --- page after page ---------------------------------------------------------------------------------------------

  /** Prepares that page, and shows it once it is ready. @param {number} index */
  async #turnTo(index, { wait = false } = {}) {
    const page = this.#pages[index];
    const coming = { page, index, ready: false };
    this.#coming = coming;
    if (page !== this.#shown) await page.prepare();
    coming.ready = true;
    if (!wait) this.#change(coming);
  }

  /** @param {{page: WallPage, index: number}} coming dropped where another has been asked for meanwhile */
  #change(coming) {
    if (this.#coming !== coming) {
      if (coming.page !== this.#shown && coming.page !== this.#coming?.page) coming.page.leave();
      return;
    }
    this.#coming = null;
    this.#rotation.show(coming.index, performance.now());
    this.#remember();
    if (coming.page === this.#shown) return;
    this.#replace(coming.page);
    this.#renewal.quiet();
  }

  /** @param {WallPage|null} page */
  #replace(page) {
    this.#shown?.leave();
    this.#shown = page;
    page?.show();
    setTimeout(() => this.#clearAway(), 2 * FADE_MS);
  }

  #clearAway() {
    for (const page of this.#retired) {
      if (page === this.#shown) continue;
      page.remove();
      this.#retired.delete(page);
    }
  }

  #step(by) {
    if (this.#pages.length < 2) return;
    const from = this.#coming && !this.#coming.ready ? this.#coming.index : this.#rotation.index;
    const rotation = new Rotation(this.#pages.map(() => 1), from);
    this.#turnTo(rotation.next(by, (index) => this.#pages[index].empty));
  }

  #rotate() {
    const leftMs = this.#rotation.leftMs(performance.now());
    const coming = this.#coming;
    // Another page could not be filled now: what was known last stays.
    const live = this.#state === State.LIVE;
    if (!coming && live && leftMs <= Math.min(LEAD_MS, this.#rotation.stayMs / 2)) {
      this.#turnTo(this.#rotation.next(1, (index) => this.#pages[index].empty), { wait: true });
    } else if (coming?.ready && live && leftMs <= 0) {
      this.#change(coming);
    }
    const share = this.#rotation.share(performance.now());
    [...this.#marks.children].forEach((mark, i) => {
      const filled = i === this.#rotation.index ? share : 0;
      /** @type {HTMLElement} */ (mark.firstElementChild).style.scale = `${Math.round(filled * 1000) / 1000} 1`;
    });
    this.#marks.hidden = this.#pages.length < 2;
  }

  /** What a page that is loaded anew goes on with. */
  #remember() {
    const { index, held } = this.#rotation;
    this.#storage.setItem(KEPT, JSON.stringify({ playlist: this.#order?.playlist?.id, index, held }));
  }

  #recall() {
    try {
      return JSON.parse(this.#storage.getItem(KEPT) ?? "{}");
    } catch {
      return {};
    }
  }

  // --- whether it is true ------------------------------------------------------------------------------------------

  #beat() {
    setText(this.#time, formatClock(this.connection.clock.now()));
    const { x, y } = shiftOf(Math.floor(Date.now() / MINUTE_MS));
    this.#frame.style.translate = this.#code.style.translate = `${x}px ${y}px`;
    this.#warning.style.transform = `translate(${x}px, ${y}px)`;
    this.#judge();
    if (this.#pages.length) this.#rotate();
    if (this.#state === State.LIVE && (this.#pages.length < 2 || this.#rotation.held)) this.#renewal.quiet();
    if (this.#help.open) this.#sayFacts();
  }

  #judge() {
    const { socket, session, clock } = this.connection;
    const { state, since, forS } = this.#status.next({
      link: /** @type {any} */ (socket.link === "new" ? "connecting" : socket.link),
      ageS: youngest(this.#feeds.streams),
      clock,
      paused: session.paused,
      intervalS: this.#feeds.host.store.intervalS,
    });
    this.#state = state;
    const gone = this.#order !== null && this.#order.playlist === null;
    const soon = state !== State.STALE && 1000 * forS < PATIENCE_MS;
    const warning = soon ? null : warningOf({ state, since, forS, host: this.#host, why: socket.why });
    this.#warn(this.#pairing.running && !this.#asked ? null : (warning ?? (gone ? goneOf(this.#order) : null)));
    this.classList.toggle("old", warning !== null);
    setText(this.#sign, this.#rotation.held ? "Held" : "");
    this.dataset.state = state;
  }

  /** @param {{title: string, words: string}|null} warning */
  #warn(warning) {
    this.#warning.hidden = warning === null;
    if (!warning) return;
    const [title, words] = this.#warning.children;
    setText(title, warning.title);
    setText(words, warning.words);
  }

  /** The server may be away for a night, or turn everybody away for a while: a screen has nobody who reloads it. */
  #linked = () => {
    const { socket } = this.connection;
    clearTimeout(this.#againTimer);
    if (socket.link !== "stopped" || this.#restarting) return;
    this.#orders.hurry();
    this.#againTimer = setTimeout(() => this.#reconnect(), this.#again.next());
  };

  #restarting = false;

  #reconnect() {
    const { socket } = this.connection;
    if (this.#pairing.running && !this.#asked) return;
    this.#restarting = true;
    socket.stop();
    this.#restarting = false;
    socket.start();
  }

  #looked = () => {
    const { session, socket } = this.connection;
    if (document.hidden) session.pause();
    else {
      session.resume();
      socket.hurry();
      this.#orders.hurry();
    }
  };

  // --- being let in ------------------------------------------------------------------------------------------------

  #estranged = () => {
    this.#asked = false;
    this.#pairing.start();
  };

  #coded = ({ detail: { code } }) => {
    const page = new URL("screens", this.#code.dataset.root).href.replace(/^https?:\/\//, "");
    this.#code.replaceChildren(
      h("p", {}, this.#asked ? "To pair this screen, approve this code:" : "This screen is not let in yet. Approve this code:"),
      h("strong", {}, code),
      h("p", {}, "On the server: ", h("code", {}, `vitalcast screens approve ${code}`)),
      h("p", {}, "Or at ", h("span", { class: "where" }, page)),
      ...(this.#asked ? [h("p", { class: "aside" }, "Esc puts it away. Once it is approved, this browser is the screen\u2019s: a log-in of its own ends.")] : []),
      this.#away,
    );
    this.#code.hidden = false;
  };

  #away = h("p", { class: "away" });

  #lost = ({ detail }) => setText(this.#away, detail ? `The server cannot be reached since ${formatClock(detail, { seconds: true })}. This screen goes on trying.` : "");

  #refused = ({ detail }) => {
    this.#code.replaceChildren(h("p", {}, "This screen is not let in, and gets no code:"), h("strong", { class: "long" }, sentence(detail)), h("p", {}, "It asks again."), this.#away);
    this.#code.hidden = false;
  };

  #approved = () => {
    this.#asked = false;
    this.#hidePairing();
    this.#orders.hurry();
    // The socket that is open, or was turned away, does not have the new cookie.
    if (this.connection.socket.link !== "new") this.#reconnect();
  };

  #hidePairing() {
    this.#asked = false;
    this.#pairing.stop();
    this.#code.hidden = true;
  }

  // --- for whoever puts it up --------------------------------------------------------------------------------------

  #pressed = (event) => {
    const action = event.ctrlKey || event.metaKey || event.altKey ? null : this.#actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || (this.#help.open && event.key !== "?")) return;
    event.preventDefault();
    action();
  };

  /** @type {Record<string, () => void>} */
  #actions = {
    ArrowRight: () => this.#step(1),
    ArrowLeft: () => this.#step(-1),
    " ": () => {
      this.#rotation.hold(performance.now());
      this.#remember();
    },
    f: () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()).catch(() => {}),
    p: () => this.#askForCode(),
    Escape: () => this.#asked && this.#hidePairing(),
    "?": () => {
      this.#sayHelp();
      if (this.#help.open) this.#help.close();
      else this.#help.showModal();
    },
  };

  #askForCode() {
    if (this.#pairing.running) return;
    this.#asked = true;
    this.#pairing.start();
  }

  #sayHelp() {
    const rows = KEYS.map(([key, words]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, words)));
    this.#help.replaceChildren(h("h2", {}, "This screen"), h("dl", { class: "facts" }), h("h2", {}, "Keys"), h("dl", {}, ...rows));
    this.#sayFacts();
  }

  #sayFacts() {
    const { bytes, nodes, ageMs } = sizeOfPage();
    const size = [Number.isNaN(bytes) ? "" : `${Math.round(bytes / 2 ** 20)} MiB`, `${nodes} nodes`, `open for ${formatDuration(Math.floor(ageMs / 1000))}`];
    const { name = "", version = "", playlist } = this.#order ?? {};
    const facts = [
      ["Shows", `${this.#host || "nothing yet"}${playlist ? `, playlist ${playlist.id}` : ""}`],
      ["Is called", name || "nothing: it is not paired"],
      ["Version", version],
      ["Stays on", this.#wake.why ? `perhaps not: ${this.#wake.why}` : "yes"],
      ["The clock", `the server\u2019s, in this screen\u2019s time zone (${Intl.DateTimeFormat().resolvedOptions().timeZone})`],
      ["Takes", size.filter(Boolean).join(", ")],
    ];
    this.#help.querySelector(".facts")?.replaceChildren(...facts.map(([what, words]) => h("div", {}, h("dt", {}, what), h("dd", {}, words))));
  }
}

const sentence = (words) => `${words[0].toUpperCase()}${words.slice(1)}.`;

/** The playlist that an address ends with; empty where it ends with the wall itself. @param {string} path */
const nameIn = (path) => decodeURIComponent(/\/wall\/([^/]*)$/.exec(path)?.[1] ?? "");

/** @param {import("../client/http_playlist.js").Order} order whose playlist there is not */
function goneOf({ wanted, playlists }) {
  const there = playlists.length ? `There are: ${playlists.join(", ")}.` : "There are none: see [[playlists]] in config.toml.";
  return { title: wanted ? `There is no playlist \u201c${wanted}\u201d` : "There is no playlist", words: there };
}

/** Several pages share a stream: it waits only while none of them wants it. */
class Wishes {
  /** @type {Map<any, Set<object>>} */ #wanted = new Map();

  /** @param {import("../client/session.js").Session} session */
  constructor(session) {
    this.#session = session;
  }

  #session;

  /** What stands for the session towards one page. */
  ofAnother() {
    const page = {};
    return {
      release: (stream) => {
        this.#wantedBy(stream).add(page);
        this.#session.release(stream);
      },
      hold: (stream) => {
        const pages = this.#wantedBy(stream);
        pages.delete(page);
        if (pages.size === 0) this.#session.hold(stream);
      },
    };
  }

  #wantedBy(stream) {
    if (!this.#wanted.has(stream)) this.#wanted.set(stream, new Set());
    return /** @type {Set<object>} */ (this.#wanted.get(stream));
  }
}
