/** Asks by HTTP whether a server is there: browsers make a page wait longer and longer for sockets that fail. */

const WITHIN_MS = 2000;
/** What a proxy says for a server that is not. */
const ABSENT = new Set([502, 503, 504]);

/**
 * @param {string} url of the WebSocket; what is beside it is asked @param {typeof globalThis.fetch} [fetch]
 * @returns {Promise<boolean>} whether anybody is there, whatever he says
 */
export async function knock(url, fetch = globalThis.fetch) {
  const address = new URL(url);
  address.protocol = address.protocol === "wss:" ? "https:" : "http:";
  address.pathname = address.pathname.replace(/\/ws$/, "/healthz");
  address.search = "";
  try {
    const { status } = await fetch(address, { cache: "no-store", credentials: "omit", redirect: "manual", signal: AbortSignal.timeout(WITHIN_MS) });
    return !ABSENT.has(status);
  } catch {
    return false;
  }
}
