/** What a machine is, in words for its header. Pure. */

import { formatDuration, formatValue } from "../charts/model/format.js";

/** Marks, and words that say nothing of a processor. */
const NOISE = /\((?:R|TM)\)|\b(?:CPU|Processor|\d+-Core)\b|@.*$/gi;
const KINDS = Object.freeze({ linux: "Linux", darwin: "macOS", windows: "Windows" });

/**
 * The shorter come first, and the last is how long it has been up: an ellipsis takes what is least asked for.
 *
 * @param {Record<string, string>} resource its attributes; none where the reader may not know them
 * @param {{cpus: number, memory: number, upS: number}} numbers NaN for what is not known; memory in bytes
 * @returns {{up: string, short: string[], long: string[]}} long: with the kernel and the architecture
 */
export function factsOf(resource, { cpus, memory, upS }) {
  const system = resource["os.description"] || [KINDS[resource["os.type"]] ?? resource["os.type"], resource["os.version"]].filter(Boolean).join(" ");
  const named = system.replace(/ GNU\/Linux/, "").replace(/\s*\(.*\)/, "");
  const model = (resource["host.cpu.model.name"] ?? "").replace(NOISE, "").replace(/\s+/g, " ").trim();
  const count = cpus > 0 ? `${cpus} ${cpus === 1 ? "CPU" : "CPUs"}` : "";
  const processor = count && model ? `${cpus} \u00d7 ${model}` : count || model;
  const room = memory > 0 ? formatValue(memory, "By") : "";
  const kernel = [KINDS[resource["os.type"]] ?? "", resource["os.build_id"] ?? ""].join(" ").trim();
  const up = upS > 0 ? `up ${formatDuration(Math.floor(upS))}` : "";
  const full = [system, resource["os.build_id"] && kernel, resource["host.arch"], count, resource["host.cpu.model.name"], room && `${room} memory`, up];
  return { up, short: [named, processor, room].filter(Boolean), long: full.filter(Boolean) };
}
