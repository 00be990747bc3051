/** The binary `data` of `vitalcast.v1.bin`, as the reference lays down: little-endian, parts at multiples of eight bytes. */

const HEAD_BYTES = 32;
const FORMAT = 1;
const WHOLE = 0;
const CHANGED = 1;

/**
 * @typedef {{type: "data", group: number, offset: number, time: number, count: number, columns: number[]|null,
 *            values: Float64Array}} BinaryData
 *   columns: whose values these are, in order; null where they are all `count` of them; a NaN is no value
 */

/**
 * The message in a binary frame, or `{type: "invalid", why}` where it is none.
 *
 * @param {ArrayBuffer} buffer @returns {BinaryData|{type: "invalid", why: string}}
 */
export function decode(buffer) {
  const invalid = (why) => ({ type: /** @type {const} */ ("invalid"), why: `a binary message ${why}` });
  if (buffer.byteLength < HEAD_BYTES) return invalid("without its head");
  const view = new DataView(buffer);
  const [format, kind] = [view.getUint8(4), view.getUint8(5)];
  if (format !== FORMAT) return invalid(`of format ${format}`);
  if (kind !== WHOLE && kind !== CHANGED) return invalid(`of kind ${kind}`);
  const count = view.getUint32(24, true);
  const own = view.getUint32(28, true);
  const mapBytes = kind === CHANGED ? 8 * Math.ceil(count / 64) : 0;
  const damaged = buffer.byteLength !== HEAD_BYTES + mapBytes + 8 * own || (kind === WHOLE && own !== count);
  const columns = kind === CHANGED && !damaged ? columnsIn(new Uint8Array(buffer, HEAD_BYTES, mapBytes)) : null;
  if (damaged || (columns && (columns.length !== own || /** @type {number} */ (columns.at(-1)) >= count))) return invalid("that is damaged");
  return {
    type: "data",
    group: view.getUint32(0, true),
    offset: Number(view.getBigUint64(8, true)),
    time: Number(view.getBigInt64(16, true)),
    count,
    columns,
    values: floatsOf(view, HEAD_BYTES + mapBytes, own),
  };
}

/** The places of the bits that are set. @param {Uint8Array} map */
function columnsIn(map) {
  const columns = [];
  map.forEach((byte, at) => {
    for (let bit = 0; byte; bit += 1, byte >>= 1) if (byte & 1) columns.push(8 * at + bit);
  });
  return columns;
}

/** Whatever order this machine has its bytes in. */
function floatsOf(view, at, count) {
  const values = new Float64Array(count);
  for (let i = 0; i < count; i += 1) values[i] = view.getFloat64(at + 8 * i, true);
  return values;
}
