/** Asks the server what this reader may do, and for tokens. */

import { answerOf } from "./answer.js";

/**
 * @typedef {{required: boolean, scope: string, expires: number|null, url?: string, png?: boolean, frame_ancestors?: string[],
 *            allowed_origins?: string[]}} Access
 *   url: at which others reach the server; then the sites that may frame it, and those whose pages may connect
 */

/** @param {{page?: string}} [options] @returns {Promise<Access>} Raises an Error that says why it is not known. */
export async function loadAccess({ page = globalThis.document.baseURI } = {}) {
  return await answerOf(fetch(new URL("api/v1/access", page)));
}

/**
 * @param {{panels?: string[], dashboard?: boolean, origins: string[], expires: number|null, since?: number, name?: string}} limits expires: seconds from now; since: seconds back
 * @param {{page?: string}} [options]
 * @returns {Promise<{token: string, id: string, origins: string[], expires: number|null}>} Raises an Error that says why not.
 */
export async function makeToken(limits, { page = globalThis.document.baseURI } = {}) {
  const body = JSON.stringify({ scope: "embed", ...limits });
  return await answerOf(fetch(new URL("api/v1/tokens", page), { method: "POST", headers: { "Content-Type": "application/json" }, body }));
}
