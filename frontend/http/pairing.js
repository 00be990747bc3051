/** How a wall screen is let in: it shows a code, which an operator approves. */

const WITHIN_MS = 10_000;
const CLAIM_EVERY_MS = 2000;
const AGAIN_MS = 5000;
/** Where a page that is loaded anew finds the code that it showed. */
const KEPT = "vitalcast.pairing";

/**
 * Gets a code that an operator approves, another one when it has expired, and waits. Events: `code` with
 * `{code, expires, approve_at}`: the code as it is read, Unix ms, and where it is approved, if the server says so;
 * `refused` with the server's words; `lost` with the Unix ms since when the server cannot be reached, 0 when it can;
 * `approved`.
 */
export class Pairing extends EventTarget {
  /** @param {{page: string, storage: Pick<Storage, "getItem"|"setItem"|"removeItem">}} options */
  constructor({ page, storage }) {
    super();
    this.#url = new URL("api/v1/screens/pairings", page);
    this.#storage = storage;
  }

  #url;
  #storage;
  /** @type {{code: string, secret: string, expires: number, approve_at?: string}|null} */ #current = null;
  #running = false;
  /** @type {any} */ #timer;

  get running() {
    return this.#running;
  }

  start() {
    if (this.#running) return;
    this.#running = true;
    this.#current = this.#kept();
    if (this.#current) this.#tell();
    this.#step();
  }

  stop() {
    this.#running = false;
    clearTimeout(this.#timer);
  }

  async #step() {
    let pause = AGAIN_MS;
    try {
      pause = this.#current ? await this.#claim(this.#current) : await this.#begin();
      this.#lose(0);
    } catch {
      // The code is still good when the server comes back in time.
      this.#lose(this.#lostAt || Date.now());
    }
    if (this.#running) this.#timer = setTimeout(() => this.#step(), pause);
  }

  #lostAt = 0;

  #lose(at) {
    if (at === this.#lostAt) return;
    this.#lostAt = at;
    this.dispatchEvent(new CustomEvent("lost", { detail: at }));
  }

  async #begin() {
    const response = await this.#post(this.#url, {});
    if (!this.#running) return 0;
    if (!response.ok) {
      const { error } = await response.json().catch(() => ({}));
      this.dispatchEvent(new CustomEvent("refused", { detail: error?.message ?? `the server answered ${response.status}` }));
      return 1000 * (Number(response.headers.get("Retry-After")) || 0) || AGAIN_MS;
    }
    this.#current = await response.json();
    this.#storage.setItem(KEPT, JSON.stringify(this.#current));
    this.#tell();
    return CLAIM_EVERY_MS;
  }

  async #claim({ secret }) {
    const response = await this.#post(new URL("pairings/claim", this.#url), { secret });
    if (!this.#running) return 0;
    if (response.status === 202) return CLAIM_EVERY_MS;
    if (response.status >= 500 || response.status === 429) return AGAIN_MS;
    this.#current = null;
    this.#storage.removeItem(KEPT);
    if (!response.ok) return 0;
    this.stop();
    this.dispatchEvent(new Event("approved"));
    return 0;
  }

  #tell() {
    this.dispatchEvent(new CustomEvent("code", { detail: this.#current }));
  }

  #kept() {
    try {
      return JSON.parse(this.#storage.getItem(KEPT) ?? "null");
    } catch {
      return null;
    }
  }

  #post(url, body) {
    return fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal: AbortSignal.timeout(WITHIN_MS) });
  }
}
