/** Fetches what a page consists of: its panels, in their order. */

import { TOKEN_WANTED, refusalWords } from "../client/protocol.js";

const WITHIN_MS = 10_000;
/** A policy's violation is told a little later than the failure that it caused. */
const TOLD_WITHIN_MS = 50;
/** What an element needs on a page elsewhere, which has no log-in. */
const WITHOUT_TOKEN = "the server requires a token; put an embed token in the attribute token";

/** Why there are no panels. `code` is the error of the server, NaN where it was not heard. */
export class NoPanels extends Error {
  /** @param {string} message in plain words @param {{code?: number, final?: boolean}} [facts] final: asking again is no use */
  constructor(message, { code = NaN, final = false } = {}) {
    super(message);
    this.code = code;
    this.final = final;
  }
}

/**
 * @param {{page?: string, token?: string, fetch?: typeof globalThis.fetch}} [options]
 * @returns {Promise<(import("../charts/model/panel.js").Panel & {series: number})[]>}
 * @throws {NoPanels} whose message says in plain words why there are none
 */
export async function loadPanels({ page = globalThis.document.baseURI, token = "", fetch = globalThis.fetch } = {}) {
  const url = new URL("api/v1/panels", page);
  const response = await ask(url, { token, fetch });
  if (!response.ok) throw await refusalOf(response, { url, token });
  const answer = await response.json().catch(() => null);
  if (!Array.isArray(answer?.panels)) throw new NoPanels("the server's answer could not be read");
  return withKin(answer.panels);
}

/** Each knows who shares its place: what concerns one of them concerns all. */
export const withKin = (panels) => panels.map((panel) => ({ ...panel, kin: panels.filter(({ id, place }) => id === panel.id || (place && place === panel.place)).map(({ id }) => id) }));

/** @returns {Promise<Response>} */
async function ask(url, { token, fetch }) {
  const violations = watchPolicy(url);
  try {
    // The same mode as the page's preload, which has asked for it already.
    const headers = token ? { headers: { Authorization: `Bearer ${token}` } } : {};
    return await fetch(url, { ...headers, signal: AbortSignal.timeout(WITHIN_MS) });
  } catch (error) {
    if (error.name === "TimeoutError") throw new NoPanels("the server took too long to answer");
    const words = await unheard(url, fetch);
    await new Promise((resume) => setTimeout(resume, TOLD_WITHIN_MS));
    throw violations.any ? forbiddenBy(url) : words;
  } finally {
    violations.stop();
  }
}

async function refusalOf(response, { url, token }) {
  const { status, statusText } = response;
  const { error } = await response.json().catch(() => ({}));
  const message = typeof error?.message === "string" ? error.message : "";
  const said = message && `: ${message}`;
  const code = Number(error?.code ?? NaN);
  if (status === 401 && token) return new NoPanels(refusalWords({ code, message }), { code, final: true });
  if (code === TOKEN_WANTED && url.origin !== location.origin) return new NoPanels(WITHOUT_TOKEN, { code, final: true });
  return new NoPanels(`the server answered ${`${status} ${statusText}`.trimEnd()}${said}`, { code, final: status < 500 && status !== 429 });
}

/** A browser does not tell a page why it may not read an answer: the script that every page may load is the touchstone. */
async function unheard(url, fetch) {
  const there = url.origin !== location.origin && (await fetch(new URL("../../embed.js", url), { method: "HEAD" }).then(({ ok }) => ok, () => false));
  if (!there) return new NoPanels("the server could not be reached");
  const words = `the server lets no page of ${location.origin} read from it; add that origin to its token, or to server.allowed_origins in its config.toml`;
  return new NoPanels(words, { final: true });
}

const forbiddenBy = (url) =>
  new NoPanels(`this page's own Content-Security-Policy forbids it; add ${url.origin} to its connect-src`, { final: true });

/** Whether the page's policy got in the way of this address. */
function watchPolicy(url) {
  const violations = { any: false, stop: () => document.removeEventListener("securitypolicyviolation", heard) };
  const heard = ({ blockedURI }) => {
    violations.any ||= blockedURI.startsWith(url.origin);
  };
  document.addEventListener("securitypolicyviolation", heard);
  return violations;
}
