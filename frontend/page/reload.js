/** Loads a page that stays open for ever anew: when the server has become another version, and when it has grown too large. */

import { storageOf } from "./storage.js";
import { answersWell } from "../http/playlist.js";

/** A page that finds itself out of date or too large again does not go round in circles. */
const APART_MS = Object.freeze({ version: 60_000, memory: 600_000 });
const AGE_MAX_MS = 24 * 3_600_000;
const NODES_MAX = 60_000;
const MEMORY_MAX_MIB = 512;
const MIB = 2 ** 20;
const KEPT = "vitalcast.renewal";

/** How large the page is: NaN for what this browser does not tell. */
export const sizeOfPage = () => ({
  bytes: /** @type {any} */ (performance).memory?.usedJSHeapSize ?? NaN,
  nodes: document.getElementsByTagName("*").length,
  ageMs: performance.now(),
});

/** Why a page of this size is to be loaded anew, empty where it is not. @param {{bytes: number, nodes: number, ageMs: number}} size */
export function outgrown({ bytes, nodes, ageMs }, { memoryMaxMib = MEMORY_MAX_MIB } = {}) {
  if (bytes > memoryMaxMib * MIB) return `it takes ${Math.round(bytes / MIB)} MiB`;
  if (nodes > NODES_MAX) return `it has ${nodes} nodes`;
  if (Number.isNaN(bytes) && ageMs > AGE_MAX_MS) return "it is a day old";
  return "";
}

export class Reload {
  #version = "";
  #newer = false;
  #trying = false;

  /**
   * @param {{needs: (string|URL)[], memoryMaxMib?: number, reload?: () => void, storage?: Storage, now?: () => number}} options
   *   needs: addresses that must answer well before the page may be given up
   */
  constructor({ needs, memoryMaxMib, reload = () => location.reload(), storage = storageOf(), now = Date.now }) {
    this.#needs = needs;
    this.#memoryMaxMib = memoryMaxMib;
    this.#reload = reload;
    this.#storage = storage;
    this.#now = now;
  }

  #needs;
  #memoryMaxMib;
  #reload;
  #storage;
  #now;

  /** The server's present version; the first one heard is taken for the page's. @param {string} version */
  async heard(version) {
    this.#version ||= version;
    this.#newer = version !== this.#version;
    if (this.#newer) await this.#renew("version");
  }

  /** Nobody would notice now. */
  async quiet() {
    if (this.#newer) await this.#renew("version");
    else if (outgrown(sizeOfPage(), { memoryMaxMib: this.#memoryMaxMib })) await this.#renew("memory");
  }

  /** @param {"version"|"memory"} why */
  async #renew(why) {
    const last = Number(this.#storage.getItem(`${KEPT}.${why}`) ?? NaN);
    // A clock that was set back must not keep it from ever being done.
    if (this.#trying || (last <= this.#now() && this.#now() - last < APART_MS[why])) return;
    this.#trying = true;
    const well = (await Promise.all(this.#needs.map(answersWell))).every(Boolean);
    this.#trying = false;
    if (!well) return;
    this.#storage.setItem(`${KEPT}.${why}`, String(this.#now()));
    this.#reload();
  }
}
