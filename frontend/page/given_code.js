/** The pairing code in the address of /screens, as a QR code on a wall puts it there. */

/** As walls show it and as people type it; the server says whether there is one. */
const CODE = /^[a-z0-9]{3}[\s-]?[a-z0-9]{3}$/i;

/**
 * Takes the code out of the address, so that neither a reload nor a bookmark looks it up again.
 *
 * @returns {{code: string, problem: string}} both empty where the address has none
 */
export function takeCode() {
  const address = new URL(location.href);
  const given = address.searchParams.get("code");
  if (given === null) return { code: "", problem: "" };
  address.searchParams.delete("code");
  history.replaceState(history.state, "", address);
  const code = given.trim();
  // Whatever else stands there is a stranger's words, and not repeated.
  if (!CODE.test(code)) return { code: "", problem: "The link holds no code of a screen. Type the code that the screen shows." };
  return { code: code.toUpperCase(), problem: "" };
}
