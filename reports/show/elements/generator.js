// The generator, forward and backward, as the layers of `generator.plain` compute it.

import { folded, grownSide, masked, product, rectified, scaled, standardised } from "./layers.js";
import { tapsOf, transposed, unfolded, unstandardised } from "./layers.js";

const SIDE = 28;
// The last convolution makes a larger image, and cuts two pixels from each side: where the others lie in it.
const UNCUT = SIDE + 4;
const KEPT = Int32Array.from({ length: SIDE ** 2 }, (_, k) => (Math.floor(k / SIDE) + 2) * UNCUT + (k % SIDE) + 2);

const prepared = new WeakMap();

/** A model's layers, prepared once: weights (outs, ins), the same the other way round for gradients, and biases. */
function layersOf(model) {
  if (prepared.has(model)) return prepared.get(model);
  const [weights, biases] = ["weight", "bias"].map((part) => (k) => Float64Array.from(model[`${k}.${part}`]));
  const layer = (weight, bias, ins) => ({ weight, bias, ins, back: transposed(weight, ins) });
  const linear = (k) => layer(weights(k), biases(k), weights(k).length / biases(k).length);
  const channels = biases(8).length, pixels = biases(4).length / channels, inner = biases(2).length;
  const convolution = (k) => layer(tapsOf(weights(k), biases(k).length), biases(k), channels);
  // PyTorch has the pixels of a channel beside each other, and here it is the channels of a pixel.
  const last = layer(transposed(weights(4), pixels, inner), transposed(biases(4), pixels), inner);
  const layers = { channels, side: Math.sqrt(pixels), linears: [linear(0), linear(2), last] };
  prepared.set(model, { ...layers, first: convolution(8), second: convolution(12) });
  return prepared.get(model);
}

/** Generates images of codes, (B, class and content dimensions), and keeps what `backward` needs. */
export function forward(model, codes, batch) {
  const { channels, side, linears, first, second } = layersOf(model), hidden = [];
  for (const { weight, bias, ins } of linears) hidden.push(rectified(product(hidden.at(-1) ?? codes, weight, ins), bias));
  let pixels = folded(product(hidden.at(-1), first.weight, channels), batch, side, channels), norm;
  // A model whose BatchNorm is not folded into the convolution uses each image's own statistics, which take the
  // convolution's bias away.
  if (model["9.weight"]) {
    norm = standardised(pixels, batch, channels);
    pixels = scaled(norm.standard, model["9.weight"]);
  }
  rectified(pixels, norm ? model["9.bias"] : first.bias);
  const whole = folded(product(pixels, second.weight, channels), batch, grownSide(side), 1);
  const images = new Float64Array(batch * KEPT.length);
  images.forEach((_, k) => {
    const value = whole[Math.floor(k / KEPT.length) * UNCUT ** 2 + KEPT[k % KEPT.length]];
    images[k] = 1 / (1 + Math.exp(-value - second.bias[0]));
  });
  return { batch, hidden, norm, pixels, images };
}

/** The codes' gradient from that of the images (B, 784). */
export function backward(model, { batch, hidden, norm, pixels, images }, gradient) {
  const { channels, side, linears, first, second } = layersOf(model), whole = new Float64Array(batch * UNCUT ** 2);
  gradient.forEach((value, k) => {
    const image = Math.floor(k / KEPT.length);
    whole[image * UNCUT ** 2 + KEPT[k % KEPT.length]] = value * images[k] * (1 - images[k]);
  });
  const taps = unfolded(whole, batch, grownSide(side), 1);
  let back = masked(product(taps, second.back, second.weight.length / channels), pixels);
  if (norm) back = unstandardised(scaled(back, model["9.weight"]), norm, batch, channels);
  back = product(unfolded(back, batch, side, channels), first.back, first.weight.length / channels);
  linears.toReversed().forEach(({ back: weight, bias }, k) => {
    back = product(masked(back, hidden.at(-1 - k)), weight, bias.length);
  });
  return back;
}

/** The images of codes, each a class code and a content code end to end, as 28·28 greys from 0 to 1, row by row. */
export function generate(model, codes) {
  const { images } = forward(model, Float64Array.from(codes.flatMap((code) => [...code])), codes.length);
  return codes.map((_, k) => Float32Array.from(images.subarray(KEPT.length * k, KEPT.length * (k + 1))));
}
