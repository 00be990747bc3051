/** Finds out why a WebSocket cannot be opened, of which a browser tells its page nothing. */

const WITHIN_MS = 10_000;
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
    const response = await fetch(address, { cache: "no-store", signal: AbortSignal.timeout(WITHIN_MS) });
    if (response.status !== UPGRADE_REQUIRED) return "";
    const { stripped } = await response.json();
    if (stripped) return "a proxy between here and the server does not pass the headers Upgrade and Connection on, which live values need; whoever runs it can have it do so";
    return "the server answers, but no WebSocket to it can be opened; a proxy or a firewall in between may not let them through";
  } catch {
    return "";
  }
}
