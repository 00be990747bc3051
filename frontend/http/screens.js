/** The operators' way to the wall screens: who they are, what they show, and who may come in. */

const WITHIN_MS = 10_000;

/**
 * @typedef {{id: string, name: string, playlist: string, address: string, agent: string, paired: number, seen: number, online: boolean}} Screen
 *   paired, seen: Unix ms
 * @typedef {{code: string, address: string, agent: string, created: number, expires: number, approved: boolean}} Asking
 */

/** What the server says no to, in its words. */
export class Refused extends Error {}

/** @returns {Promise<any>} @throws {Refused} */
async function ask(page, path, { method = "GET", body = undefined } = {}) {
  const json = body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  let response;
  try {
    response = await fetch(new URL(`api/v1/screens${path}`, page), { method, ...json, cache: "no-store", signal: AbortSignal.timeout(WITHIN_MS) });
  } catch {
    throw new Refused("the server cannot be reached");
  }
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new Refused(answer.error?.message ?? `the server answered ${response.status}`);
}

const safe = encodeURIComponent;

export class Screens {
  /** @param {string} page */
  constructor(page = globalThis.document.baseURI) {
    this.#page = page;
  }

  #page;

  /** @returns {Promise<{time: number, screens: Screen[], playlists: {id: string, title: string}[]}>} time: the server's, Unix ms */
  list() {
    return ask(this.#page, "");
  }

  /** @param {string} code @returns {Promise<Asking>} */
  look(code) {
    return ask(this.#page, `/pairings/${safe(code)}`);
  }

  /** @param {string} code @param {{name: string, playlist: string}} body */
  approve(code, body) {
    return ask(this.#page, `/pairings/${safe(code)}`, { method: "POST", body });
  }

  /** @param {string} id @param {{name?: string, playlist?: string}} body */
  change(id, body) {
    return ask(this.#page, `/${safe(id)}`, { method: "POST", body });
  }

  /** @param {string} id */
  revoke(id) {
    return ask(this.#page, `/${safe(id)}`, { method: "DELETE" });
  }
}
