/** Bands of a stack, each on the one below it, as the server's stills have them: `tests/golden/stacks.json` holds both to the same. */

/**
 * Where one begins or ends amid others it tapers off to the point before or after, or a sliver of nothing would be left
 * below those above it. Loops, for `map` over typed arrays takes three times as long.
 *
 * @param {Float64Array[]} tracks how high the bands of a pile reach together up to each; NaN where one has no reading
 * @param {number[]} piles which pile, 0 or 1, each belongs to
 * @returns {{top: Float64Array, base: Float64Array, value: Float64Array}[]} value: NaN where it tapers off
 */
export function stacked(tracks, piles) {
  const length = tracks[0]?.length ?? 0;
  /** How high the bands of each pile reach so far. */
  const reached = [new Float64Array(length), new Float64Array(length)];
  const there = [0, 1].map((pile) => someOf(tracks.filter((_, i) => piles[i] === pile), length));
  return tracks.map((track, i) => {
    const under = reached[piles[i]];
    const some = there[piles[i]];
    const top = track.slice();
    const base = under.slice();
    const value = new Float64Array(length);
    for (let at = 0; at < length; at += 1) {
      const reading = track[at];
      if (reading !== reading) {
        value[at] = NaN;
        // Not where nothing at all is known: there is a hole in all of them.
        if (some[at] && beside(track, at)) top[at] = base[at];
        continue;
      }
      // Of many rows at one point, those where this line has no reading may reach higher than those where it has.
      if (base[at] > reading) base[at] = reading;
      value[at] = reading - base[at];
      if (reading > under[at]) under[at] = reading;
    }
    return { top, base, value };
  });
}

/** Whether there is a reading right before or after. */
const beside = (track, at) => (at > 0 && track[at - 1] === track[at - 1]) || (at + 1 < track.length && track[at + 1] === track[at + 1]);

/** Whether any has a reading at each point. */
function someOf(tracks, length) {
  const some = new Uint8Array(length);
  for (const track of tracks) for (let at = 0; at < length; at += 1) if (track[at] === track[at]) some[at] = 1;
  return some;
}
