// Numbers: random ones, and those that come as text.

/** Numbers from N(0, 1) that depend on the seed alone (Mulberry32, then Box and Muller). */
export function gaussian(seed, count) {
  const uniform = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return Array.from({ length: count }, () =>
    Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()));
}

export function bytes(base64) {
  const text = atob(base64), found = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k++) found[k] = text.charCodeAt(k);
  return found;
}

/** What was deflated. */
export async function inflated(deflated) {
  const stream = new Blob([deflated]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Half-precision numbers as 16 bits each, from all their low bytes, then all their high bytes. */
export function halvesOf(planes) {
  const count = planes.length / 2, halves = new Uint16Array(count);
  for (let k = 0; k < count; k++) halves[k] = planes[k] | (planes[count + k] << 8);
  return halves;
}

/** Half-precision numbers, given as 16 bits each, as floats. */
export function floats(halves) {
  return Float32Array.from(halves, (bits) => {
    const exponent = (bits >> 10) & 31, fraction = bits & 1023;
    const size = exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction;
    return bits >> 15 ? -size : size;
  });
}
