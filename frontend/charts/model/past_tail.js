/** Live rows made into steps of the past: the newest step grows until it is over. */

/** What is no quantity: of these the newest value counts. */
const NEWEST = new Set(["@level", "@which"]);

export class PastTail {
  /**
   * @param {import("../../client/ring.js").Ring} ring takes the rows: columns of means, then of the least, then of the greatest
   * @param {string[]} names of the series, one a column of means @param {number} stepMs
   */
  constructor(ring, names, stepMs) {
    this.#ring = ring;
    this.#stepMs = stepMs;
    this.#newest = names.map((name) => NEWEST.has(name));
    this.#width = names.length;
    this.#values = new Float64Array(3 * names.length);
    this.#weights = new Float64Array(names.length);
  }

  #ring;
  #stepMs;
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
  }

  #merge(valueOf, weight) {
    const [values, width] = [this.#values, this.#width];
    for (let i = 0; i < width; i += 1) {
      const mean = valueOf(i, 0);
      if (mean !== mean) continue;
      const before = this.#weights[i];
      if (this.#newest[i] || before === 0) values[i] = mean;
      else values[i] = (values[i] * before + mean * weight) / (before + weight);
      this.#weights[i] = before + weight;
      const [low, high] = [valueOf(i, 1), valueOf(i, 2)];
      if (!(values[width + i] <= low)) values[width + i] = low;
      if (!(values[2 * width + i] >= high)) values[2 * width + i] = high;
    }
  }
}
