/** Live rows made into steps of the past: the newest step grows until it is over. */

/** What is no quantity: of these the newest value counts. */
const NEWEST = new Set(["@level", "@which"]);

export class PastTail {
  /**
   * @param {import("../../client/ring.js").Ring} ring takes the rows: columns of means, then of the least, then of the greatest
   * @param {string[]} names of the series, one a column of means @param {number} stepMs
   * @param {boolean} [whole] what is not there counts as nothing, as programs that come and go
   */
  constructor(ring, names, stepMs, whole = false) {
    this.#ring = ring;
    this.#stepMs = stepMs;
    this.#whole = whole;
    this.#newest = names.map((name) => NEWEST.has(name));
    this.#width = names.length;
    this.#values = new Float64Array(3 * names.length);
    this.#weights = new Float64Array(names.length);
  }

  #ring;
  #stepMs;
  #whole;
  /** How much time the step stands for so far. */ #passed = 0;
  #newest;
  #width;
  #values;
  /** How much time the mean of each column stands for. */ #weights;
  /** When the step ends that grows; NaN for none. */ #end = NaN;

  /**
   * Adds one value a series, or a part of a step that is known already.
   *
   * @param {number} time Unix ms @param {(series: number, part: 0|1|2) => number} valueOf part: mean, least, greatest
   * @param {{weight: number, end?: number, broken?: boolean}} some weight: the time that it stands for, ms; end: of its step
   */
  add(time, valueOf, { weight, end = Math.ceil(time / this.#stepMs) * this.#stepMs, broken = false }) {
    const goesOn = end === this.#end && !broken;
    if (!goesOn) this.#begin(end);
    this.#merge(valueOf, weight);
    if (goesOn) this.#ring.amend(time, this.#values);
    else this.#ring.push(time, this.#values, broken);
    this.#end = end;
  }

  #begin(next) {
    // What is over is known by its end, as all steps are.
    if (this.#end > this.#ring.newest && next > this.#end) this.#ring.amend(this.#end, this.#values);
    this.#values.fill(NaN);
    this.#weights.fill(0);
    this.#passed = 0;
  }

  #merge(valueOf, weight) {
    const [values, width] = [this.#values, this.#width];
    const whole = this.#whole && this.#newest.some((newest, i) => !newest && !Number.isNaN(valueOf(i, 0)));
    for (let i = 0; i < width; i += 1) {
      const absent = Number.isNaN(valueOf(i, 0));
      const spread = whole && !this.#newest[i];
      if (absent && !(spread && this.#weights[i] > 0)) continue;
      const [mean, low, high] = absent ? [0, 0, 0] : [valueOf(i, 0), valueOf(i, 1), valueOf(i, 2)];
      const before = spread ? this.#passed : this.#weights[i];
      const sofar = this.#weights[i] > 0 ? values[i] : 0;
      values[i] = this.#newest[i] || before === 0 ? mean : (sofar * before + mean * weight) / (before + weight);
      // One that comes late was nothing before.
      const least = spread && this.#weights[i] === 0 && before > 0 ? Math.min(low, 0) : low;
      this.#weights[i] = before + weight;
      if (!(values[width + i] <= least)) values[width + i] = least;
      if (!(values[2 * width + i] >= high)) values[2 * width + i] = high;
    }
    if (whole) this.#passed += weight;
  }
}
