/** What the server answers over HTTP, or why not, in words. */

/** @param {Promise<Response>} asked @returns {Promise<any>} @throws {Error} with the server's words; its `status` is HTTP's */
export async function answerOf(asked) {
  const response = await asked.catch(() => {
    throw new Error("the server could not be reached");
  });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const words = answer.error?.message ?? `the server answered ${response.status} ${response.statusText}`.trimEnd();
  throw Object.assign(new Error(words), { status: response.status });
}
