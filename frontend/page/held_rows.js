/** The rows of the live table, which stay where they are while somebody looks at them closely, and go on all the same. */

import { ShownRows, arranged } from "./process_table.js";

export class HeldRows {
  /**
   * @param {{client: import("../client/client.js").Client, stream: import("../client/table_stream.js").TableStream, changed: () => void}} parts
   */
  constructor({ client, stream, changed }) {
    this.#client = client;
    this.#stream = stream;
    this.#changed = changed;
  }

  #client;
  #stream;
  #changed;
  #shown = new ShownRows();
  /** Asks after held rows that are among the first no more. @type {import("../client/table_stream.js").TableStream|null} */ #asked = null;

  /** Whether rows are held. */
  get held() {
    return this.#shown.held !== null;
  }

  /** @param {boolean} holding @param {{sort: string, filter: string}} view @returns {import("./process_table.js").Shown[]} */
  choose(holding, view) {
    const { columns, rows, current } = this.#stream;
    if (!current) return this.#shown.follow(arranged(columns, rows, view));
    if (!holding) {
      this.letGo();
      return this.#shown.follow(rows);
    }
    const shown = this.#shown.hold(rows, this.#asked?.current ? this.#asked.rows : null, columns.indexOf("age"));
    if (this.#shown.missing) this.#ask();
    return shown;
  }

  letGo() {
    this.#shown.release();
    if (!this.#asked) return;
    this.#asked.removeEventListener("change", this.#changed);
    this.#asked.close();
    this.#asked = null;
  }

  /** A held row that is among the first no more: asks after it by its key, to know whether it has ended. */
  #ask() {
    const keys = this.#shown.held;
    if (this.#asked || !keys?.length) return;
    const { table, interval } = this.#stream.request;
    this.#asked = this.#client.table({ table, keys, limit: keys.length, interval }, { name: "@processes-held" });
    this.#asked.addEventListener("change", this.#changed);
  }
}
