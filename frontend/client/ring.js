/** A bounded table of readings: one time column and one column a series, the oldest row overwritten first. */

/**
 * Times rise from row to row, so that they can be searched: who adds a row to a ring sees to that. It is only ever added
 * to: what changes or moves rows makes another ring, but for a newest row that is `amend`ed. So what was worked out for a
 * row holds as long as its ring does; `first` counts the rows that went, and row + first is a row's lasting number.
 */
export class Ring {
  /** @param {number} capacity rows kept at most @param {number} width columns */
  constructor(capacity, width) {
    if (!(capacity >= 1)) throw new RangeError(`a ring holds at least one row, not ${capacity}`);
    this.capacity = capacity;
    this.width = width;
    this.length = 0;
    this.#times = new Float64Array(capacity);
    this.#broken = new Uint8Array(capacity);
    this.#columns = Array.from({ length: width }, () => new Float64Array(capacity));
  }

  /** @type {Float64Array} */ #times;
  /** @type {Float64Array[]} */ #columns;
  /** @type {Uint8Array} */ #broken;
  /** How many rows were overwritten or dropped so far. */
  first = 0;
  #start = 0;

  /**
   * Adds one row; `values[i]` belongs to column i, null and undefined are kept as NaN.
   *
   * @param {number} time Unix ms @param {ArrayLike<number|null>} values
   * @param {boolean} [broken] whether readings are missing between the row before and this one
   */
  push(time, values, broken = false) {
    if (this.length === this.capacity) this.#shift(1);
    const at = (this.#start + this.length) % this.capacity;
    this.length += 1;
    this.#times[at] = time;
    this.#broken[at] = broken ? 1 : 0;
    for (let i = 0; i < this.width; i += 1) this.#columns[i][at] = values[i] ?? NaN;
  }

  /** Has the newest row be another, of a step that has grown. @param {number} time Unix ms @param {ArrayLike<number|null>} values */
  amend(time, values) {
    const at = (this.#start + this.length - 1) % this.capacity;
    this.#times[at] = time;
    for (let i = 0; i < this.width; i += 1) this.#columns[i][at] = values[i] ?? NaN;
  }

  /** @param {number} row 0 is the oldest */
  time(row) {
    return this.#times[(this.#start + row) % this.capacity];
  }

  /** @param {number} column @param {number} row 0 is the oldest */
  value(column, row) {
    return this.#columns[column][(this.#start + row) % this.capacity];
  }

  /** Whether readings are missing between the row before and this one. @param {number} row */
  broken(row) {
    return this.#broken[(this.#start + row) % this.capacity] === 1;
  }

  /** Lets go of the rows before `time`. */
  forgetBefore(time) {
    let count = 0;
    while (count < this.length && this.time(count) < time) count += 1;
    if (count) this.#shift(count);
  }

  #shift(count) {
    this.#start = (this.#start + count) % this.capacity;
    this.length -= count;
    this.first += count;
  }

  /**
   * The lowest and the highest of a column from row `first` to before row `end`; NaN where there is no reading.
   *
   * @param {number} column @param {number} first @param {number} end
   */
  reach(column, first, end) {
    const values = this.#columns[column];
    let low = NaN;
    let high = NaN;
    for (let row = first; row < end; row += 1) {
      const value = values[(this.#start + row) % this.capacity];
      // A first value replaces NaN, with which every comparison fails.
      if (value === value && !(low <= value)) low = value;
      if (value === value && !(high >= value)) high = value;
    }
    return { low, high };
  }

  /** The newest row's time, NaN while empty. */
  get newest() {
    return this.length ? this.time(this.length - 1) : NaN;
  }

  /** The newest row's values. */
  last() {
    return this.#columns.map((_, column) => (this.length ? this.value(column, this.length - 1) : NaN));
  }

  /** The row of the first time at or after `time`; `length` where there is none. */
  firstAtOrAfter(time) {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.time(middle) < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** A ring of the same shape with only the `count` oldest rows. @param {number} count */
  head(count) {
    const other = this.copy();
    other.length = count;
    return other;
  }

  /** The same rows, to be kept while this ring goes on. */
  copy() {
    const other = new Ring(this.capacity, 0);
    other.width = this.width;
    other.length = this.length;
    other.first = this.first;
    other.#start = this.#start;
    other.#times = this.#times.slice();
    other.#broken = this.#broken.slice();
    other.#columns = this.#columns.map((column) => column.slice());
    return other;
  }

  /**
   * A ring of another shape with the same rows: column i takes over this ring's column `sources[i]`,
   * and NaN throughout where that is negative.
   *
   * @param {number[]} sources @param {number} [capacity]
   */
  rearranged(sources, capacity = this.capacity) {
    const other = new Ring(capacity, sources.length);
    for (let row = Math.max(0, this.length - capacity); row < this.length; row += 1) {
      const values = sources.map((column) => (column < 0 ? NaN : this.value(column, row)));
      other.push(this.time(row), values, this.broken(row));
    }
    return other;
  }

  /** The same rows with room for another number of them. @param {number} capacity */
  resized(capacity) {
    return this.rearranged([...this.#columns.keys()], capacity);
  }
}
