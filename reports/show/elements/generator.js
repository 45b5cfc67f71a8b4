// The generator's forward pass, as the layers of `generator.plain` compute it. One image takes about
// 1 million multiplications, which plain loops do in a few milliseconds.

const KERNEL = 5;
// What BatchNorm adds to variances.
const EPSILON = 1e-5;

/** ReLU(weight · input + bias), with the weight (outs, ins) row by row. */
function linear(input, weight, bias) {
  return bias.map((sum, row) => {
    const start = row * input.length;
    for (let k = 0; k < input.length; k++) sum += weight[start + k] * input[k];
    return Math.max(sum, 0);
  });
}

/** Makes every pixel of (channels, side, side) 2×2 pixels of (channels, 2·side, 2·side). */
function upsampled(input, side) {
  const wide = 2 * side;
  return Float32Array.from({ length: 4 * input.length }, (_, k) => {
    const column = k % wide, row = Math.floor(k / wide) % wide, channel = Math.floor(k / wide ** 2);
    return input[(channel * side + (row >> 1)) * side + (column >> 1)];
  });
}

/** A 5×5 transposed convolution that cuts `padding` from each side; weight (ins, outs, 5, 5). */
function transposed(input, side, weight, bias, padding) {
  const ins = input.length / side ** 2, outs = bias.length, wide = side + KERNEL - 1;
  const output = Float32Array.from({ length: outs * wide ** 2 }, (_, k) => bias[Math.floor(k / wide ** 2)]);
  for (let i = 0; i < ins; i++) for (let o = 0; o < outs; o++)
    for (let u = 0; u < KERNEL; u++) for (let v = 0; v < KERNEL; v++) {
      const factor = weight[((i * outs + o) * KERNEL + u) * KERNEL + v];
      for (let y = 0; y < side; y++) {
        const from = (i * side + y) * side, to = (o * wide + y + u) * wide + v;
        for (let x = 0; x < side; x++) output[to + x] += factor * input[from + x];
      }
    }
  return output.filter((_, k) => {
    const column = k % wide, row = Math.floor(k / wide) % wide;
    return Math.min(row, column) >= padding && Math.max(row, column) < wide - padding;
  });
}

/** BatchNorm of (channels, size) by the channels' own means and variances. */
function normalised(input, weight, bias) {
  const size = input.length / bias.length;
  const output = new Float32Array(input.length);
  bias.forEach((shift, channel) => {
    const values = input.subarray(channel * size, (channel + 1) * size);
    const mean = values.reduce((sum, value) => sum + value, 0) / size;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / size;
    const scale = weight[channel] / Math.sqrt(variance + EPSILON);
    output.set(values.map((value) => (value - mean) * scale + shift), channel * size);
  });
  return output;
}

/** The images of codes, each a class code and a content code end to end, as 28·28 greys from 0 to 1, row by row. */
export function generate(model, codes) {
  return codes.map((code) => generateOne(model, code));
}

function generateOne(model, code) {
  let hidden = Float32Array.from(code);
  for (const layer of [0, 2, 4]) hidden = linear(hidden, model[`${layer}.weight`], model[`${layer}.bias`]);
  const first = model["8.bias"], side = Math.sqrt(hidden.length / first.length);
  hidden = transposed(upsampled(hidden, side), 2 * side, model["8.weight"], first, 0);
  // A model whose BatchNorm is not folded into the convolution uses each image's own statistics.
  if (model["9.weight"]) hidden = normalised(hidden, model["9.weight"], model["9.bias"]);
  hidden = hidden.map((value) => Math.max(value, 0));
  const grown = 2 * side + KERNEL - 1;
  hidden = transposed(upsampled(hidden, grown), 2 * grown, model["12.weight"], model["12.bias"], 2);
  return hidden.map((value) => 1 / (1 + Math.exp(-value)));
}
