// stats.mjs - what is made of samples. Medians only: on a shared machine a mean tells about the neighbours.

/** The q-quantile (0..1) of numbers, between two of them by proportion; NaN of none. */
export function quantile(list, q) {
  if (!list.length) return NaN;
  const sorted = [...list].sort((a, b) => a - b), at = q * (sorted.length - 1), low = Math.floor(at);
  return sorted[low] + (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]) * (at - low);
}

export const median = list => quantile(list, 0.5);

/** How far the samples lie apart: (highest - lowest) / median. */
export const spread = list => (Math.max(...list) - Math.min(...list)) / median(list);

/** How many times better ours is than theirs: above 1 we are ahead, whichever way the unit counts. */
export function ratio(better, ours, theirs) {
  const a = median(ours), b = median(theirs);
  return better === 'lower' ? b / a : a / b;
}

/** Connections were looked at: [seconds, opened so far, open now]. The longest time until as many had been closed as were once opened, in seconds. */
export function longestHeld(samples) {
  let most = 0;
  for (const [at, opened] of samples) {
    const gone = samples.find(([t, o, open]) => t >= at && o - open >= opened);
    most = Math.max(most, (gone ?? samples.at(-1))[0] - at);
  }
  return most;
}
