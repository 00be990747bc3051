/** The pages of a wall's playlist: made of its entries, prepared before their turn, and shown one after the other. */

import { h } from "../dom/html.js";
import { oneOfEach } from "./panel_places.js";
import { lookOf } from "./wall_address.js";
import { Rotation } from "./wall_layout.js";
import { RANGES } from "./view.js";
import { FADE_MS, WallPage } from "./wall_page.js";

/** The next page is prepared so long before its turn. */
const LEAD_MS = 4000;
/** Where a page that is loaded anew finds how far it was. */
const KEPT = "vitalcast.wall";

/** Event: `turned`, when another page than before is shown. */
export class WallPages extends EventTarget {
  /**
   * @param {{client: import("../client/client.js").Client, look?: import("./wall_address.js").WallLook, events: () => import("./event_log.js").EventLog,
   *          subscriptions: import("./subscriptions.js").Subscriptions, reach: import("./view.js").View,
   *          storage: Pick<Storage, "getItem"|"setItem">}} parts reach: how far back the streams reach; events: those to be flagged; look: what
   *   each page is to look like, whatever its entry says
   */
  constructor({ client, look = {}, events, subscriptions, reach, storage }) {
    super();
    this.#client = client;
    this.#look = look;
    this.#events = events;
    this.#subscriptions = subscriptions;
    this.#reach = reach;
    this.#storage = storage;
    this.element = h("div", { class: "pages" });
    this.marks = h("ol", { class: "marks", "aria-hidden": "true" });
    this.#resizes = new ResizeObserver(() => this.#fit());
    this.#resizes.observe(this.element);
  }

  #client;
  #look;
  #events;
  #subscriptions;
  #reach;
  #storage;
  #resizes;
  /** How many have been made: questions have the names of their pages. */ #marks = 0;
  /** What is shown, as text. */ #built = "";
  /** @type {import("./wall_layout.js").Playlist|null} */ #playlist = null;
  /** @type {WallPage[]} one an entry; equal entries share theirs */ #pages = [];
  /** @type {Rotation} */ #rotation = new Rotation([]);
  /** @type {WallPage|null} */ #shown = null;
  /** @type {Set<WallPage>} those of other playlists, until they are not shown any more */ #retired = new Set();
  /** @type {{page: WallPage, index: number, ready: boolean}|null} */ #coming = null;

  get held() {
    return this.#rotation.held;
  }

  /** Whether there is one page at most, which never changes. */
  get still() {
    return this.#pages.length < 2 || this.#rotation.held;
  }

  stop() {
    this.#resizes.disconnect();
    for (const page of new Set([...this.#pages, ...this.#retired])) page.remove();
  }

  /**
   * Makes the pages anew where they are others; what is shown stays until the first of them is ready.
   *
   * @param {import("./wall_layout.js").Playlist|null} playlist @param {import("../charts/model/panel.js").Panel[]} panels
   */
  arrange(playlist, panels) {
    const built = JSON.stringify([playlist, panels], (key, value) => (key === "series" ? undefined : value));
    if (built === this.#built) return;
    this.#built = built;
    this.#playlist = playlist;
    const kept = this.#recall();
    for (const page of this.#pages) this.#retired.add(page);
    this.#coming = null;
    const entries = playlist?.entries ?? [];
    this.#makePages(entries, panels);
    this.#rotation = new Rotation(entries.map(({ seconds }) => seconds), kept.playlist === playlist?.id ? kept.index : 0);
    if (kept.held && kept.playlist === playlist?.id) this.#rotation.hold(performance.now());
    this.marks.replaceChildren(...this.#pages.map(() => h("li", {}, h("i"))));
    if (this.#pages.length) this.#turnTo(this.#rotation.index);
    else this.#replace(null);
  }

  #makePages(entries, panels) {
    const client = this.#client;
    this.#subscriptions.clear();
    const looks = entries.map((entry) => lookOf(entry, this.#look));
    this.#reach.set({ range: Math.max(...looks.map(({ range }) => range), RANGES["1m"]) });
    const streams = new Map();
    const streamOf = (panel) => {
      if (!streams.has(panel)) streams.set(panel, this.#subscriptions.open(panel));
      return streams.get(panel);
    };
    const holds = new SharedHolds();
    const made = new Map();
    this.#pages = entries.map((entry, index) => {
      const { seconds: _, ...shown } = entry;
      const key = JSON.stringify(shown);
      if (made.has(key)) return made.get(key);
      const chosen = entry.panels.length ? entry.panels.flatMap((id) => panels.find((panel) => panel.id === id) ?? []) : oneOfEach(panels);
      const page = new WallPage({ entry, look: looks[index], panels: chosen, holderOf: holds.ofAnother(), client, events: looks[index].events ? this.#events() : null, mark: `~${(this.#marks += 1)}`, streamOf });
      made.set(key, page);
      this.element.append(page.element);
      return page;
    });
    this.#fit();
  }

  #fit() {
    const { clientWidth: width, clientHeight: height } = this.element;
    const gap = parseFloat(getComputedStyle(this.element).columnGap) || 0;
    for (const page of this.#pages) page.fit({ width, height, gap });
  }

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
    this.dispatchEvent(new Event("turned"));
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

  /** To another page now. @param {number} by 1 for the next, -1 for the one before */
  step(by) {
    if (this.#pages.length < 2) return;
    const from = this.#coming && !this.#coming.ready ? this.#coming.index : this.#rotation.index;
    const rotation = new Rotation(this.#pages.map(() => 1), from);
    this.#turnTo(rotation.next(by, (index) => this.#pages[index].empty));
  }

  /** Stays on this page, or goes on. */
  hold() {
    this.#rotation.hold(performance.now());
    this.#remember();
  }

  /** What there is to do as time passes. @param {{live: boolean}} facts live: whether what is shown is true now */
  beat({ live }) {
    this.marks.hidden = this.#pages.length < 2;
    if (this.#pages.length === 0) return;
    const leftMs = this.#rotation.leftMs(performance.now());
    const coming = this.#coming;
    // Another page could not be filled now: what was known last stays.
    if (!coming && live && leftMs <= Math.min(LEAD_MS, this.#rotation.stayMs / 2)) {
      this.#turnTo(this.#rotation.next(1, (index) => this.#pages[index].empty), { wait: true });
    } else if (coming?.ready && live && leftMs <= 0) {
      this.#change(coming);
    }
    const share = this.#rotation.share(performance.now());
    [...this.marks.children].forEach((mark, i) => {
      const filled = i === this.#rotation.index ? share : 0;
      /** @type {HTMLElement} */ (mark.firstElementChild).style.scale = `${Math.round(filled * 1000) / 1000} 1`;
    });
  }

  /** What a page that is loaded anew goes on with. */
  #remember() {
    const { index, held } = this.#rotation;
    this.#storage.setItem(KEPT, JSON.stringify({ playlist: this.#playlist?.id, index, held }));
  }

  #recall() {
    try {
      return JSON.parse(this.#storage.getItem(KEPT) ?? "{}");
    } catch {
      return {};
    }
  }
}

/** Several pages share a stream: it waits only while none of them wants it. */
class SharedHolds {
  /** @type {Map<any, Set<object>>} */ #wanted = new Map();

  /** Who holds and releases streams for one page. @returns {(stream: any) => import("../elements/panel.js").Holder} */
  ofAnother() {
    const page = {};
    return (stream) => ({
      release: () => {
        this.#wantedBy(stream).add(page);
        stream.release();
      },
      hold: () => {
        const pages = this.#wantedBy(stream);
        pages.delete(page);
        if (pages.size === 0) stream.hold();
      },
    });
  }

  #wantedBy(stream) {
    if (!this.#wanted.has(stream)) this.#wanted.set(stream, new Set());
    return /** @type {Set<object>} */ (this.#wanted.get(stream));
  }
}
