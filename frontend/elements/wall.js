/** `<vital-wall>`: a screen that nobody touches; shows its playlist for ever, and says aloud when that is not the present. */

import { Backoff } from "../client/backoff.js";
import { formatClock } from "../charts/model/format.js";
import { Client } from "../client/client.js";
import { State, Status } from "../client/status.js";
import { everyBeat } from "../dom/animation_frames.js";
import { h, setText } from "../dom/html.js";
import { loadPanels } from "../http/panels.js";
import { PlaylistPoller } from "../http/playlist.js";
import { hideIdleCursor } from "../page/cursor.js";
import { opaqueWords } from "../page/opaque.js";
import { Reload } from "../page/reload.js";
import { eventsOf } from "../page/server_events.js";
import { storageOf } from "../page/storage.js";
import { Subscriptions, youngest } from "../page/subscriptions.js";
import { View } from "../page/view.js";
import { Wake } from "../page/wake_lock.js";
import { readWall } from "../page/wall_address.js";
import { goneOf, shiftOf, warningOf } from "../page/wall_layout.js";
import { WallPages } from "../page/wall_pages.js";

const MINUTE_MS = 60_000;
/** The list of panels is asked for again so long after a failure. */
const AGAIN_MS = 4000;
/** A line that is back within this time is not worth large words. */
const PATIENCE_MS = 2000;

export class VitalWall extends HTMLElement {
  /** @type {Client} */ client;

  #status = new Status();
  #again = new Backoff({ firstMs: 1000, mostMs: 30_000 });
  #wake = new Wake();
  #state = /** @type {string} */ (State.CONNECTING);
  #root = "";
  #host = "";
  /** @type {any} */ #againTimer;
  /** @type {Subscriptions} */ #subscriptions;
  /** @type {PlaylistPoller} */ #poller;
  /** @type {Reload} */ #reload;
  /** @type {WallPages} */ #pages;
  /** @type {import("../page/event_log.js").EventLog|null} null where no page has flags */ #events = null;
  /** @type {any} what the server says that this screen shows; null until it is known */ #screen = null;
  /** @type {import("../charts/model/panel.js").Panel[]|null} */ #panels = null;
  /** @type {() => void} */ #stopBeat = () => {};
  /** @type {() => void} */ #stopHiding = () => {};

  /** @type {HTMLElement} */ #frame;
  /** @type {HTMLElement} */ #name;
  /** @type {HTMLElement} */ #title;
  /** @type {HTMLElement} */ #sign;
  /** What is wrong with the address. */ #problems = "";
  /** @type {HTMLElement} */ #time;
  /** @type {HTMLElement} */ #warning;
  /** @type {import("./pairing.js").VitalPairing} */ #pairing;
  /** @type {import("./wall_help.js").VitalWallHelp} */ #help;

  connectedCallback() {
    const opaque = opaqueWords();
    if (opaque) {
      this.replaceChildren(h("p", { class: "problem", role: "alert" }, opaque));
      return;
    }
    this.#connect();
    this.#build();
    const { client } = this;
    if (document.hidden) client.pause();
    client.addEventListener("welcome", this.#welcomed);
    client.addEventListener("link", this.#linked);
    client.addEventListener("dashboards", this.#changed);
    this.#poller.addEventListener("playlist", this.#playlistGiven);
    this.#poller.addEventListener("heard", this.#letIn);
    this.#poller.addEventListener("unauthenticated", this.#unauthenticated);
    this.#pairing.addEventListener("approved", this.#approved);
    this.#pages.addEventListener("turned", this.#quiet);
    document.addEventListener("visibilitychange", this.#looked);
    document.addEventListener("keydown", this.#pressed);
    this.#stopBeat = everyBeat(() => this.#beat());
    this.#stopHiding = hideIdleCursor();
    this.#wake.start();
    this.#poller.start();
  }

  disconnectedCallback() {
    if (!this.#poller) return;
    this.#poller.stop();
    this.#wake.stop();
    this.#stopHiding();
    this.#stopBeat();
    document.removeEventListener("keydown", this.#pressed);
    document.removeEventListener("visibilitychange", this.#looked);
    clearTimeout(this.#againTimer);
    this.#pages.stop();
    this.#events?.stop();
    this.#subscriptions.stop();
    this.client.removeEventListener("dashboards", this.#changed);
    this.client.removeEventListener("link", this.#linked);
    this.client.removeEventListener("welcome", this.#welcomed);
    this.client.stop();
    this.replaceChildren();
  }

  #connect() {
    // Of the root, whatever prefix a proxy puts before both.
    const root = new URL("../..", import.meta.url).href;
    const address = new URL(location.href);
    this.#root = root;
    this.client = new Client(root, { autostart: false, binary: true });
    const { client } = this;
    const { clock } = client;
    const reach = new View();
    this.#subscriptions = new Subscriptions({ client, view: reach, clock });
    this.#poller = new PlaylistPoller({ page: root, playlist: nameIn(address.pathname) });
    const { look, memoryMaxMib, problems } = readWall(address.search);
    this.#problems = problems.join(" ");
    this.#reload = new Reload({ needs: [address, new URL("static/wall.js", root), new URL("readyz", root)], memoryMaxMib });
    this.#pages = new WallPages({ client, look, events: () => this.#eventLog, subscriptions: this.#subscriptions, reach, storage: storageOf() });
  }

  get #eventLog() {
    return (this.#events ??= eventsOf({ client: this.client, page: this.#root }));
  }

  #build() {
    this.#name = h("h1", {}, "\u2026");
    this.#title = h("p", { class: "title" });
    this.#sign = h("p", { class: "sign", role: "status" });
    this.#time = h("time", { class: "clock" });
    this.#warning = h("div", { class: "warning", role: "alert", hidden: true }, h("strong"), h("p"));
    this.#pairing = Object.assign(/** @type {any} */ (h("vital-pairing")), { page: this.#root });
    this.#help = /** @type {any} */ (h("vital-wall-help"));
    const header = h("header", {}, this.#name, this.#title, this.#sign, this.#time);
    this.#frame = h("div", { class: "frame" }, header, this.#pages.element, this.#pages.marks);
    this.replaceChildren(this.#frame, this.#warning, this.#pairing, this.#help);
  }

  // --- what is to be shown -----------------------------------------------------------------------------------------

  #playlistGiven = ({ detail }) => {
    this.#screen = detail;
    this.#reload.heard(detail.version);
    this.#arrange();
  };

  /** The server lets this screen in. */
  #letIn = () => {
    if (!this.#pairing.asked) this.#pairing.dismiss();
    if (this.client.link === "new") this.client.start();
    this.#reload.heard(this.#screen.version);
  };

  #welcomed = ({ detail }) => {
    this.#host = detail.host ?? "";
    setText(this.#name, this.#host);
    this.#again.reset();
    this.#poller.hurry();
    this.#load();
  };

  /** The server has other panels or playlists now. */
  #changed = () => {
    this.#poller.hurry();
    this.#load();
  };

  /** The server may have come back with other panels. */
  async #load() {
    try {
      this.#panels = await loadPanels({ page: this.#root });
    } catch {
      setTimeout(() => this.client.link === "open" && this.#load(), AGAIN_MS);
      return;
    }
    this.#arrange();
  }

  #arrange() {
    if (!this.#screen || !this.#panels) return;
    const { playlist } = this.#screen;
    this.#dress(playlist);
    this.#pages.arrange(playlist, this.#panels);
  }

  #dress(playlist) {
    const { theme = "dark", title = "", clock = true } = playlist ?? {};
    setText(this.#title, title);
    this.#time.hidden = !clock;
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    document.title = `${title || "Wall"} \u2013 Vitalcast`;
  }

  // --- whether it is true ------------------------------------------------------------------------------------------

  #beat() {
    setText(this.#time, formatClock(this.client.clock.now()));
    const { x, y } = shiftOf(Math.floor(Date.now() / MINUTE_MS));
    this.#frame.style.translate = this.#pairing.style.translate = `${x}px ${y}px`;
    this.#warning.style.transform = `translate(${x}px, ${y}px)`;
    this.#judge();
    const live = this.#state === State.LIVE;
    this.#pages.beat({ live });
    if (live && this.#pages.still) this.#quiet();
    if (this.#help.open) this.#help.write(this.#facts);
  }

  #judge() {
    const { client } = this;
    const { state, since, forS } = this.#status.next({
      link: client.link === "new" ? "connecting" : client.link,
      ageS: youngest(this.#subscriptions.streams),
      clock: client.clock,
      paused: client.paused,
      intervalS: this.#subscriptions.host.store.intervalS,
    });
    this.#state = state;
    const gone = this.#screen !== null && this.#screen.playlist === null;
    const soon = state !== State.STALE && 1000 * forS < PATIENCE_MS;
    const warning = soon ? null : warningOf({ state, since, forS, host: this.#host, why: client.why });
    this.#warn(this.#pairing.needed ? null : (warning ?? (gone ? goneOf(this.#screen) : null)));
    this.classList.toggle("old", warning !== null);
    setText(this.#sign, this.#pages.held ? "Held" : this.#problems);
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
    clearTimeout(this.#againTimer);
    if (this.client.link !== "stopped" || this.#restarting) return;
    this.#poller.hurry();
    this.#againTimer = setTimeout(() => this.#reconnect(), this.#again.next());
  };

  #restarting = false;

  #reconnect() {
    if (this.#pairing.needed) return;
    this.#restarting = true;
    this.client.stop();
    this.#restarting = false;
    this.client.start();
  }

  #looked = () => {
    const { client } = this;
    if (document.hidden) client.pause();
    else {
      client.resume();
      client.hurry();
      this.#poller.hurry();
    }
  };

  /** Nobody would notice now if the page were loaded anew. */
  #quiet = () => void this.#reload.quiet();

  // --- being let in ------------------------------------------------------------------------------------------------

  #unauthenticated = () => this.#pairing.start();

  #approved = () => {
    this.#poller.hurry();
    // The socket that is open, or was turned away, does not have the new cookie.
    if (this.client.link !== "new") this.#reconnect();
  };

  // --- its keys ----------------------------------------------------------------------------------------------------

  #pressed = (event) => {
    const action = event.ctrlKey || event.metaKey || event.altKey ? null : this.#actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || (this.#help.open && event.key !== "?")) return;
    event.preventDefault();
    action();
  };

  /** @type {Record<string, () => void>} */
  #actions = {
    ArrowRight: () => this.#pages.step(1),
    ArrowLeft: () => this.#pages.step(-1),
    " ": () => this.#pages.hold(),
    f: () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()).catch(() => {}),
    p: () => this.#pairing.ask(),
    Escape: () => this.#pairing.asked && this.#pairing.dismiss(),
    "?": () => this.#help.toggle(this.#facts),
  };

  get #facts() {
    return { host: this.#host, screen: this.#screen, sleepWhy: this.#wake.why };
  }
}

/** The playlist that an address ends with; empty where it ends with the wall itself. @param {string} path */
const nameIn = (path) => decodeURIComponent(/\/wall\/([^/]*)$/.exec(path)?.[1] ?? "");
