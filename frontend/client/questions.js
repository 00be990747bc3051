/** What is asked once and answered once: kept until there is an answer, over as many connections as that takes. */

import { ClosedError, RefusedError } from "./errors.js";

const WAITING_MAX = 100;

export class Questions {
  /** @type {Map<number, {build: (id: number) => object, resolve: (answer: any) => void, reject: (error: Error) => void}>} */
  #waiting = new Map();

  /** Of those whose answer is due. */
  get count() {
    return this.#waiting.size;
  }

  /**
   * @param {number} id @param {(id: number) => object} build makes the command
   * @returns {Promise<any>} the message that answers it
   * @throws {RefusedError} @throws {ClosedError}
   */
  ask(id, build) {
    if (this.#waiting.size >= WAITING_MAX) return Promise.reject(new RangeError(`${WAITING_MAX} questions wait for their answers already`));
    return new Promise((resolve, reject) => this.#waiting.set(id, { build, resolve, reject }));
  }

  /** Whether it still waits. @param {number} id */
  has(id) {
    return this.#waiting.has(id);
  }

  /** Its command, where it still waits. @param {number} id @returns {object|undefined} */
  command(id) {
    return this.#waiting.get(id)?.build(id);
  }

  /** The commands of all that still wait, for a connection that knows of none. @returns {object[]} */
  commands() {
    return [...this.#waiting].map(([id, { build }]) => build(id));
  }

  /** @param {any} message @returns {boolean} whether it answers one of them */
  receive(message) {
    const question = this.#waiting.get(message.id);
    if (!question) return false;
    this.#waiting.delete(message.id);
    if (message.type === "error") question.reject(new RefusedError(message));
    else question.resolve(message);
    return true;
  }

  /** There will be no answer. @param {ClosedError} error */
  fail(error) {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
  }
}

export { ClosedError, RefusedError };
