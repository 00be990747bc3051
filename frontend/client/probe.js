/** Finds out why a WebSocket cannot be opened, of which a browser tells its page nothing. */

const WITHIN_MS = 10_000;
const FORBIDDEN = 403;
const UPGRADE_REQUIRED = 426;

/**
 * Asks by HTTP at the same address, where the server says what became of the try.
 *
 * @param {string} url of the WebSocket @param {typeof globalThis.fetch} [fetch]
 * @returns {Promise<string>} plain words; none where the server cannot be asked either
 */
export async function whyNoSocket(url, fetch = globalThis.fetch) {
  const address = new URL(url);
  address.protocol = address.protocol === "wss:" ? "https:" : "http:";
  try {
    const asking = { cache: /** @type {const} */ ("no-store"), signal: AbortSignal.timeout(WITHIN_MS) };
    const response = await fetch(address, asking);
    if (response.status !== UPGRADE_REQUIRED) return "";
    const { stripped } = await response.json();
    if (stripped) return "a proxy between here and the server does not forward the headers Upgrade and Connection, which live values need; whoever runs it can have it do so";
    // As a socket does, and a GET of our own page does not, this says whose page it is, for which it may be refused.
    const judged = await fetch(address, { ...asking, method: "POST" });
    if (judged.status === FORBIDDEN) return `the server refuses this page: ${(await judged.json()).error.message}`;
    return "the server answers, but no WebSocket to it can be opened; a proxy or a firewall in between may not let them through";
  } catch {
    return "";
  }
}
