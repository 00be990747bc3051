/** A bounded table of readings: one time column and one column a series, the oldest row overwritten first. */

export class Ring {
  /** @param {number} capacity rows kept at most @param {number} width columns */
  constructor(capacity, width) {
    if (!(capacity >= 1)) throw new RangeError(`a ring holds at least one row, not ${capacity}`);
    this.capacity = capacity;
    this.width = width;
    this.length = 0;
    this.#times = new Float64Array(capacity);
    this.#columns = Array.from({ length: width }, () => new Float64Array(capacity));
  }

  /** @type {Float64Array} */ #times;
  /** @type {Float64Array[]} */ #columns;
  #start = 0;

  /**
   * Adds one row; `values[i]` belongs to column i, null and undefined are kept as NaN.
   *
   * @param {number} time Unix ms @param {ArrayLike<number|null>} values
   */
  push(time, values) {
    const at = (this.#start + this.length) % this.capacity;
    if (this.length < this.capacity) this.length += 1;
    else this.#start = (this.#start + 1) % this.capacity;
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
    const other = new Ring(this.capacity, this.width);
    for (let row = 0; row < count; row += 1) {
      other.push(this.time(row), this.#columns.map((_, column) => this.value(column, row)));
    }
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
      other.push(this.time(row), sources.map((column) => (column < 0 ? NaN : this.value(column, row))));
    }
    return other;
  }
}
