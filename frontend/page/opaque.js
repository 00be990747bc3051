/** Pages without an origin: those in a frame with `sandbox`, and files. A server cannot tell whose they are. */

/**
 * Why a page can read from no server, in plain words; none where it can.
 *
 * @param {{origin: string, location: {protocol: string}}} [page]
 */
export function opaqueWords({ origin, location } = globalThis) {
  if (origin !== "null") return "";
  if (location.protocol === "file:") return "This page was opened as a file, so it has no origin that a server could allow. Open it over HTTP.";
  return "This page is in a frame with the attribute sandbox, so it has no origin that the server could allow. Add allow-same-origin to that attribute.";
}
