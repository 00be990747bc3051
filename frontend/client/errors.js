/** What can go wrong between a client and its server, for those who await an answer. */

/** The server said no. `code` is that of its `error` message; temporary: the same may be granted later. */
export class RefusedError extends Error {
  /** @param {{code: number, message?: string, temporary?: boolean}} refusal */
  constructor({ code, message = "", temporary = false }) {
    super(message || `the server reported error ${code}`);
    this.name = "RefusedError";
    this.code = code;
    this.temporary = temporary;
  }
}

/** There is no connection any more, and there will be none. `code`: the error or close code, NaN where there is none. */
export class ClosedError extends Error {
  /** @param {string} why @param {number} [code] */
  constructor(why, code = NaN) {
    super(why || "the client was closed");
    this.name = "ClosedError";
    this.code = code;
  }
}
