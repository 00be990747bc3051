/** All series that a panel is made from, with those that it does not draw, for a window of the past. */

/** Nobody waits longer for a file. */
const WITHIN_MS = 5000;

/**
 * @param {import("../client/client.js").Client} client @param {import("../charts/model/panel.js").Panel} panel
 * @param {{intervalS: number, from: number}} window from: Unix ms
 * @returns {Promise<import("../client/store.js").StreamStore|null>} null where the server does not give them
 */
export async function seriesOf(client, { id }, { intervalS, from }) {
  if (client.link !== "open") return null;
  const backfill = Math.ceil((client.clock.now() - from) / 1000 + intervalS);
  const request = { panel: id, lines: /** @type {const} */ ("all"), interval: intervalS, backfill };
  const stream = client.subscribe(request, { windowS: backfill });
  try {
    await first(stream);
    return stream.store.position ? stream.store.copy() : null;
  } finally {
    stream.close();
  }
}

/** Waits for an answer, be it a refusal, or for too long. @param {EventTarget} stream */
function first(stream) {
  return new Promise((resolve) => {
    for (const type of ["change", "refused"]) stream.addEventListener(type, resolve, { once: true });
    setTimeout(resolve, WITHIN_MS);
  });
}
