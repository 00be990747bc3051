/** Ticks of any time axis, from seconds to years: whole steps of the reader's clock and calendar, days where they begin. */

import { timeTicks } from "./axis.js";
import { formatClock, formatDay, formatMonth } from "./format.js";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const HOURS = [1, 2, 3, 6, 12];
/** Weeks begin on Monday, and the first day of 1970 was a Thursday. */
const DAYS = [1, 2, 3, 7, 14];
const MONDAY = 4;
const MONTH = 30.5 * DAY;
const MONTHS = [1, 3, 6, 12, 24, 60, 120];

/**
 * @typedef {{value: number, text: string, n?: number}} TimeTick n: counts steps since 1970, for whoever leaves some out
 *
 * @param {{from: number, to: number, most: number, now?: number}} window from, to, now: Unix ms; most: so many ticks, about
 * @returns {TimeTick[]}
 */
export function timeAxis({ from, to, most, now = Date.now() }) {
  const rough = (to - from) / most;
  if (rough <= HOUR / 2) return dated(timeTicks({ from, to, most, clock: formatClock }), now);
  const hours = HOURS.find((one) => rough <= one * HOUR);
  if (hours) return hourTicks(from, to, hours, now);
  const days = DAYS.find((one) => rough <= one * DAY);
  if (days) return dayTicks(from, to, days, now);
  const months = MONTHS.find((one) => rough <= one * MONTH) ?? Math.ceil(rough / MONTH / 120) * 120;
  return monthTicks(from, to, months);
}

const begins = (ms) => {
  const date = new Date(ms);
  return date.getHours() === 0 && date.getMinutes() === 0 && date.getSeconds() === 0 && date.getMilliseconds() === 0;
};

const dated = (ticks, now) => ticks.map((tick) => (begins(tick.value) ? { ...tick, text: formatDay(tick.value, now) } : tick));

/** Days as they are in the reader's zone, some of which have 23 or 25 hours. @returns {{start: Date, number: number}[]} */
function daysOf(from, to) {
  const days = [];
  const first = new Date(from);
  for (let i = 0; ; i += 1) {
    const start = new Date(first.getFullYear(), first.getMonth(), first.getDate() + i);
    if (start.getTime() > to) return days;
    days.push({ start, number: Math.round(Date.UTC(start.getFullYear(), start.getMonth(), start.getDate()) / DAY) });
  }
}

function hourTicks(from, to, hours, now) {
  const ticks = [];
  for (const { start, number } of daysOf(from, to)) {
    for (let hour = 0; hour < 24; hour += hours) {
      const value = new Date(start.getFullYear(), start.getMonth(), start.getDate(), hour).getTime();
      // What the clock leaves out in spring is no tick.
      const there = new Date(value).getHours() === hour;
      const text = hour === 0 ? formatDay(value, now) : formatClock(value);
      if (there && value >= from && value <= to) ticks.push({ value, text, n: (number * 24 + hour) / hours });
    }
  }
  return ticks;
}

function dayTicks(from, to, days, now) {
  const offset = days % 7 ? 0 : MONDAY;
  return daysOf(from, to)
    .filter(({ start, number }) => start.getTime() >= from && (number - offset) % days === 0)
    .map(({ start, number }) => ({ value: start.getTime(), text: formatDay(start.getTime(), now), n: (number - offset) / days }));
}

function monthTicks(from, to, months) {
  const ticks = [];
  const first = new Date(from);
  const begin = first.getFullYear() * 12 + first.getMonth();
  for (let month = Math.ceil(begin / months) * months; ; month += months) {
    const value = new Date(Math.floor(month / 12), month % 12).getTime();
    if (value > to) return ticks;
    if (value >= from) ticks.push({ value, text: formatMonth(value), n: month / months });
  }
}
