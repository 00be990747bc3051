/** What the server tells a wall screen to show. */

const WITHIN_MS = 10_000;
const EVERY_MS = 5000;

/** @typedef {{version: string, name: string, wanted: string, playlist: import("../page/wall_layout.js").Playlist|null, playlists: string[]}} ScreenState */

const within = (ms) => AbortSignal.timeout(ms);

/** Whether this address answers as it should. @param {string|URL} url */
export const answersWell = (url) => fetch(url, { cache: "no-store", signal: within(WITHIN_MS) }).then(({ ok }) => ok, () => false);

/**
 * Asks every five seconds what is to be shown. Events: `playlist`, whenever that is another than before, its
 * detail a `ScreenState`; `heard` after each answer; `unauthenticated` where the server does not know this screen.
 */
export class PlaylistPoller extends EventTarget {
  /** @param {{page: string, playlist: string}} options playlist: the one that the address names, or empty */
  constructor({ page, playlist }) {
    super();
    this.#url = new URL("api/v1/screen", page);
    if (playlist) this.#url.searchParams.set("playlist", playlist);
  }

  #url;
  #etag = "";
  #running = false;
  #asking = false;
  /** @type {any} */ #timer;

  start() {
    this.#running = true;
    this.hurry();
  }

  stop() {
    this.#running = false;
    clearTimeout(this.#timer);
  }

  /** Asks now. */
  async hurry() {
    clearTimeout(this.#timer);
    if (this.#asking || !this.#running) return;
    this.#asking = true;
    await this.#ask().catch(() => {}); // the server is away, which the socket tells better
    this.#asking = false;
    if (this.#running) this.#timer = setTimeout(() => this.hurry(), EVERY_MS);
  }

  async #ask() {
    const headers = this.#etag ? { "If-None-Match": this.#etag } : {};
    const response = await fetch(this.#url, { headers, cache: "no-store", signal: within(WITHIN_MS) });
    const state = response.status === 200 ? await response.json() : null;
    if (!this.#running) return;
    if (state) {
      this.#etag = response.headers.get("ETag") ?? "";
      this.dispatchEvent(new CustomEvent("playlist", { detail: state }));
    }
    if (state || response.status === 304) this.dispatchEvent(new Event("heard"));
    else if (response.status === 401 || response.status === 403) this.#unauthenticated();
  }

  #unauthenticated() {
    this.#etag = "";
    this.dispatchEvent(new Event("unauthenticated"));
  }
}
