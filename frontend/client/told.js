/** An event that carries news: CustomEvent, which Node.js has only from version 19 on. */

/** @template T */
export class Told extends Event {
  /** @param {string} type @param {T} detail */
  constructor(type, detail) {
    super(type);
    this.detail = detail;
  }
}
