/** Fetches what the dashboard consists of: its panels, in their order. */

const WITHIN_MS = 10_000;

/**
 * @param {{page?: string, fetch?: typeof globalThis.fetch}} [options]
 * @returns {Promise<(import("../core/panels.js").Panel & {series: number})[]>}
 * @throws {Error} whose message says in plain words why there are none
 */
export async function loadPanels({ page = globalThis.document.baseURI, fetch = globalThis.fetch } = {}) {
  let response;
  try {
    // The same mode as the page's preload, which has asked for it already.
    response = await fetch(new URL("api/v1/panels", page), { signal: AbortSignal.timeout(WITHIN_MS) });
  } catch (error) {
    throw new Error(error.name === "TimeoutError" ? "the server took too long to answer" : "the server could not be reached");
  }
  if (!response.ok) throw new Error(`the server answered ${response.status} ${response.statusText}`.trimEnd());
  const answer = await response.json().catch(() => null);
  if (!Array.isArray(answer?.panels)) throw new Error("the server's answer could not be read");
  return answer.panels;
}
