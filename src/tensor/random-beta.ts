/** Numbers from Beta distributions, counter-based as all of random.ts. */
import type { Random } from './random.ts';

/**
 * A number from Beta(α, α), between 0 and 1 with mean 1/2: often near 0 or 1 for α < 1, even for α = 1, near 1/2 for α > 1.
 * It is X / (X + Y) of two gamma numbers, taken from their logarithms, since those of small α underflow. Draws counters from
 * 0 on, seldom more than twenty.
 */
export function symmetricBeta(alpha: number, random: Random): number {
  const x = logGamma(alpha, (counter) => random(2 * counter));
  const y = logGamma(alpha, (counter) => random(2 * counter + 1));
  return 1 / (1 + Math.exp(y - x));
}

/**
 * The logarithm of a number from Gamma(α, 1), by squeezing (Marsaglia and Tsang 2000); for α < 1 by way of
 * Gamma(α) = Gamma(α + 1) · U^(1/α).
 */
function logGamma(alpha: number, random: Random): number {
  if (alpha < 1)
    return logGamma(alpha + 1, (counter) => random(counter + 1)) + Math.log(1 - random(0)) / alpha;
  const d = alpha - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (let counter = 0; ; counter += 3) {
    const radius = Math.sqrt(-2 * Math.log(1 - random(counter)));
    const normal = radius * Math.cos(2 * Math.PI * random(counter + 1));
    const v = (1 + c * normal) ** 3;
    if (v <= 0) continue;
    const accepted = normal ** 2 / 2 + d - d * v + d * Math.log(v);
    if (Math.log(1 - random(counter + 2)) < accepted) return Math.log(d * v);
  }
}
