/** What a page and the frame in it say to each other. */

import { readOptions } from "./options.js";

const PREFIX = "vitalcast:";
const SET = `${PREFIX}set`;

/**
 * Reads what a page told the frame in it.
 *
 * @param {any} data @param {readonly string[]} known the options that can be set
 * @returns {{options: import("./options.js").Options, problems: string[]}|null} null for what is none of ours
 */
export function readMessage(data, known) {
  if (typeof data !== "object" || data === null || typeof data.type !== "string" || !data.type.startsWith(PREFIX)) return null;
  const { type, ...given } = data;
  if (type === SET) return readOptions(Object.entries(given), known);
  return { options: {}, problems: [`There is no message “${type.slice(0, 60)}”; there is ${SET}, with ${known.join(", ")}.`] };
}

/** What the frame tells the page around it. @param {{type: string}} news */
export const messageOf = (news) => ({ ...news, type: PREFIX + news.type });
