// What the generator's layers are made of, forward and backward: matrix products and sums.
//
// Upsampling by two and the 5×5 transposed convolution behind it are one 6×6 transposed convolution of stride 2,
// which takes a third of the multiplications. A pixel times all of its taps is one row of a matrix product, and
// what the taps add to one pixel of the result is then added up. Channels lie last in memory, so that inner loops
// are contiguous: B images are (B, height, width, channels).

const KERNEL = 5;
const TAPS = KERNEL + 1;
// What BatchNorm adds to variances.
const EPSILON = 1e-5;

/** (rows, inner) by the transpose of (columns, inner): (rows, columns). */
export function product(left, right, inner) {
  const rows = left.length / inner, columns = right.length / inner, result = new Float64Array(rows * columns);
  // A block of 2×4 sums stays in the processor's registers: eight times as fast as a sum at a time in memory.
  // Where it sticks out, its last row or column is computed more than once.
  for (let row = 0; row < rows; row += 2) {
    const below = Math.min(row + 1, rows - 1), x = row * inner, y = below * inner;
    for (let c0 = 0; c0 < columns; c0 += 4) {
      const c1 = Math.min(c0 + 1, columns - 1), c2 = Math.min(c0 + 2, columns - 1), c3 = Math.min(c0 + 3, columns - 1);
      const w0 = c0 * inner, w1 = c1 * inner, w2 = c2 * inner, w3 = c3 * inner;
      let x0 = 0, x1 = 0, x2 = 0, x3 = 0, y0 = 0, y1 = 0, y2 = 0, y3 = 0;
      for (let k = 0; k < inner; k++) {
        const a = left[x + k], b = left[y + k];
        const r0 = right[w0 + k], r1 = right[w1 + k], r2 = right[w2 + k], r3 = right[w3 + k];
        x0 += a * r0; x1 += a * r1; x2 += a * r2; x3 += a * r3;
        y0 += b * r0; y1 += b * r1; y2 += b * r2; y3 += b * r3;
      }
      const upper = row * columns, lower = below * columns;
      result[upper + c0] = x0; result[upper + c1] = x1; result[upper + c2] = x2; result[upper + c3] = x3;
      result[lower + c0] = y0; result[lower + c1] = y1; result[lower + c2] = y2; result[lower + c3] = y3;
    }
  }
  return result;
}

/** A matrix with so many columns, whose entries are `size` numbers, with its rows as columns. */
export function transposed(matrix, columns, size = 1) {
  const rows = matrix.length / columns / size;
  return matrix.map((_, k) => {
    const entry = Math.floor(k / size);
    return matrix[((entry % rows) * columns + Math.floor(entry / rows)) * size + (k % size)];
  });
}

/** The side of what a convolution makes of an image. */
export const grownSide = (side) => 2 * side + TAPS - 2;

/** A convolution's weight (ins, outs, 5, 5), which meets every pixel 2×2 times, as (TAPS, TAPS, outs, ins). */
export function tapsOf(weight, outs) {
  const ins = weight.length / outs / KERNEL ** 2, taps = new Float64Array(TAPS ** 2 * outs * ins);
  weight.forEach((value, k) => {
    const v = k % KERNEL, u = Math.floor(k / KERNEL) % KERNEL, out = Math.floor(k / KERNEL ** 2) % outs;
    const into = Math.floor(k / KERNEL ** 2 / outs);
    for (const y of [u, u + 1]) for (const x of [v, v + 1]) taps[((y * TAPS + x) * outs + out) * ins + into] += value;
  });
  return taps;
}

/** Calls `each` for every row of taps of (B, side, side) pixels, with its place in the result (B, grown, grown). */
function eachRow(batch, side, each) {
  const grown = grownSide(side);
  for (let image = 0, row = 0; image < batch; image++)
    for (let y = 0; y < side; y++) for (let x = 0; x < side; x++) for (let u = 0; u < TAPS; u++, row++)
      each(row, (image * grown + 2 * y + u) * grown + 2 * x);
}

/** What all taps (B, side, side, TAPS, TAPS, channels) add up to: (B, grown, grown, channels). */
export function folded(taps, batch, side, channels) {
  const run = TAPS * channels, sums = new Float64Array(batch * grownSide(side) ** 2 * channels);
  eachRow(batch, side, (row, place) => {
    for (let k = 0, to = place * channels, of = row * run; k < run; k++) sums[to + k] += taps[of + k];
  });
  return sums;
}

/** The gradient of `folded`: each tap has that of the pixel which it was added to. */
export function unfolded(sums, batch, side, channels) {
  const run = TAPS * channels, taps = new Float64Array(batch * side ** 2 * TAPS * run);
  eachRow(batch, side, (row, place) => {
    for (let k = 0, to = place * channels, of = row * run; k < run; k++) taps[of + k] = sums[to + k];
  });
  return taps;
}

/** ReLU(values + bias), in place; the bias has a number for each channel. */
export function rectified(values, bias) {
  for (let k = 0; k < values.length; k += bias.length)
    for (let c = 0; c < bias.length; c++) values[k + c] = Math.max(values[k + c] + bias[c], 0);
  return values;
}

/** The gradient of `rectified`, in place: it passes where a value is above 0. */
export function masked(gradient, values) {
  for (let k = 0; k < gradient.length; k++) if (values[k] <= 0) gradient[k] = 0;
  return gradient;
}

/** The values, each times the factor of its channel. */
export function scaled(values, factors) {
  return values.map((value, k) => value * factors[k % factors.length]);
}

/** Each channel of (B, pixels, channels) with mean 0 and variance 1 in every image, and what it was divided by. */
export function standardised(values, batch, channels) {
  const size = values.length / batch, count = size / channels, standard = new Float64Array(values.length);
  const deviations = new Float64Array(batch * channels);
  for (let place = 0; place < deviations.length; place++) {
    const from = Math.floor(place / channels) * size + (place % channels), to = from - (place % channels) + size;
    let sum = 0, squares = 0;
    for (let k = from; k < to; k += channels) sum += values[k];
    for (let k = from; k < to; k += channels) squares += (values[k] - sum / count) ** 2;
    deviations[place] = Math.sqrt(squares / count + EPSILON);
    for (let k = from; k < to; k += channels) standard[k] = (values[k] - sum / count) / deviations[place];
  }
  return { standard, deviations };
}

/** The gradient of `standardised`. */
export function unstandardised(gradient, { standard, deviations }, batch, channels) {
  const size = gradient.length / batch, count = size / channels;
  deviations.forEach((deviation, place) => {
    const from = Math.floor(place / channels) * size + (place % channels), to = from - (place % channels) + size;
    let sum = 0, along = 0;
    for (let k = from; k < to; k += channels) { sum += gradient[k]; along += gradient[k] * standard[k]; }
    for (let k = from; k < to; k += channels)
      gradient[k] = (gradient[k] - (sum + along * standard[k]) / count) / deviation;
  });
  return gradient;
}
