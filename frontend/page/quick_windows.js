/** Windows that people ask for again and again, on the reader's clock. Pure. */

const HOUR_MS = 3_600_000;
const DAYS_OF_WEEK = 7;

/**
 * None reaches beyond now.
 *
 * @param {number} now Unix ms @returns {{words: string, from: number, to: number}[]}
 */
export function quickWindows(now) {
  const at = (days, hours) => {
    const date = new Date(now);
    date.setDate(date.getDate() + days);
    return date.setHours(hours, 0, 0, 0);
  };
  const hour = new Date(now).getHours();
  const windows = [
    { words: "This hour", from: at(0, hour), to: now },
    { words: "This hour, a day ago", from: at(-1, hour), to: at(-1, hour + 1) },
    { words: "This hour, a week ago", from: at(-DAYS_OF_WEEK, hour), to: at(-DAYS_OF_WEEK, hour + 1) },
    { words: "Last night", from: at(-1, 22), to: at(0, 6) },
    { words: "Today", from: at(0, 0), to: now },
    { words: "Yesterday", from: at(-1, 0), to: at(0, 0) },
  ];
  // Within the first moments of an hour or a day it is not there yet.
  return windows.map((one) => ({ ...one, to: Math.min(one.to, now) })).filter(({ from, to }) => to - from >= HOUR_MS / 60);
}
