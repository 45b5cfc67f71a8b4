// A picture as the network sees it: 28·28 greys, light ink on a dark ground, framed as the training images are.

const SEEN = 28;
// The longer side, in pixels, at which a picture is looked at: larger ones are averaged first.
const LOOKED_AT = 280;
// Ink that differs less than this from its ground, of 1 between black and white, is none.
const FAINT = 0.12;
// What counts as ink where the box around it is found, as in `own.framing`.
const INK = 0.1;
// The ground is even if most of the border differs less than this from its middle value.
const EVEN = 0.02;

const quantile = (values, part) => Float64Array.from(values).sort()[Math.floor(part * (values.length - 1))];

/** Greys from 0 (black) to 1 of a picture { width, height, data }; what is transparent becomes white. */
function lightness({ width, height, data }) {
  return Float64Array.from({ length: width * height }, (_, k) => {
    const grey = (0.299 * data[4 * k] + 0.587 * data[4 * k + 1] + 0.114 * data[4 * k + 2]) / 255;
    return 1 - (1 - grey) * (data[4 * k + 3] / 255);
  });
}

/** Each row of (height, width) averaged over the area that a new pixel covers, as (size, height): turned, so that the
    columns come next. A pixel at x goes to x · scale + shift, and beyond the picture all is 0. */
function averaged(values, width, scale, shift, size) {
  const height = values.length / width, result = new Float64Array(size * height);
  for (let k = 0; k < size; k++) {
    const from = (k - shift) / scale, to = (k + 1 - shift) / scale;
    for (let x = Math.max(0, Math.floor(from)); x < Math.min(width, to); x++) {
      const part = (Math.min(x + 1, to) - Math.max(x, from)) * scale;
      for (let y = 0; y < height; y++) result[k * height + y] += part * values[y * width + x];
    }
  }
  return result;
}

/** A picture averaged to { width, height }; x and y go to x · scale + left and y · scale + top. */
function resampled({ values, width, height }, scale, left, top, size) {
  const turned = averaged(values, width, scale, left, size.width);
  return { ...size, values: averaged(turned, height, scale, top, size.height) };
}

/** The coefficients of the quadratic surface that is nearest to some of the values, by least squares. */
function surface(values, places, terms) {
  const count = 6, rows = Array.from({ length: count }, () => new Float64Array(count + 1));
  for (const place of places) {
    const each = terms(place);
    rows.forEach((row, i) => {
      for (let j = 0; j < count; j++) row[j] += each[i] * each[j];
      row[count] += each[i] * values[place];
    });
  }
  rows.forEach((row, i) => { // Gauss and Jordan; a little is added where a narrow picture leaves a term open
    const pivot = (row[i] += 1e-9);
    row.forEach((value, j) => (row[j] = value / pivot));
    rows.forEach((other, k) => {
      const factor = other[i];
      if (k !== i) other.forEach((value, j) => (other[j] = value - factor * row[j]));
    });
  });
  return rows.map((row) => row[count]);
}

/** The grey of the ground everywhere: a surface through the border, and then through all that differs little from it. */
function groundOf({ values, width, height }, border) {
  const terms = (place) => {
    const x = (place % width) / width, y = Math.floor(place / width) / height;
    return [1, x, y, x * x, x * y, y * y];
  };
  let places = border, ground;
  for (let round = 0; round < 3; round++) {
    const weights = surface(values, places, terms);
    ground = values.map((_, place) => terms(place).reduce((sum, term, k) => sum + term * weights[k], 0));
    const away = values.map((value, place) => Math.abs(value - ground[place]));
    const usual = 3 * quantile(away, 0.5) + EVEN;
    places = [...values.keys()].filter((place) => away[place] < usual);
  }
  return ground;
}

/** The ink of a picture, from 0 to 1 and light on dark, or null if there is none; `said` gets what was done. */
function inkOf(picture, said) {
  const { values, width, height } = picture, along = Math.max(1, Math.round(Math.min(width, height) / 28));
  const border = [...values.keys()].filter((place) => {
    const x = place % width, y = Math.floor(place / width);
    return Math.min(x, y, width - 1 - x, height - 1 - y) < along;
  });
  const edge = border.map((place) => values[place]), middle = quantile(edge, 0.5);
  const even = edge.filter((value) => Math.abs(value - middle) < EVEN).length > edge.length / 2;
  const ground = even ? values.map(() => middle) : groundOf(picture, border);
  let ink = values.map((value, place) => value - ground[place]);
  const dark = -quantile(ink, 0.001) > quantile(ink, 0.999);
  if (dark) ink = ink.map((value) => -value);
  const strongest = quantile(ink, 0.999);
  if (strongest < FAINT) return null;
  if (dark) said.push("turned over: dark ink on a light ground");
  if (!even) said.push("the uneven ground taken away");
  // Paper is never even, nor is ink on it: what is faint is noise, and what is strong is ink.
  const [low, high] = even ? [EVEN, strongest] : [strongest / 4, strongest * 0.75];
  return { ...picture, values: ink.map((value) => Math.min(1, Math.max(0, (value - low) / (high - low)))) };
}

/** Where the ink is: the box around it, and its centre, of mass or of the box, in pixels from the upper left corner. */
function placeOf({ values, width }, byMass) {
  let left = Infinity, right = 0, top = Infinity, bottom = 0, sum = 0, across = 0, down = 0;
  values.forEach((value, place) => {
    const x = place % width, y = Math.floor(place / width);
    sum += value;
    across += value * (x + 0.5);
    down += value * (y + 0.5);
    if (value <= INK) return;
    [left, right] = [Math.min(left, x), Math.max(right, x + 1)];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y + 1)];
  });
  const centre = byMass ? [across / sum, down / sum] : [(left + right) / 2, (top + bottom) / 2];
  return { left, top, wide: right - left, high: bottom - top, centre };
}

/** A picture { width, height, data } as { greys, said }: 28·28 greys, or null of a blank one, and what was done to it.
    The ink's longer side becomes `side` pixels, and its centre, of mass if `mass`, comes to `middle`. */
export function seen(picture, { side, mass, middle }) {
  const said = [], { width, height, data } = picture, whole = { values: lightness(picture), width, height };
  if (data.some((value, k) => k % 4 === 3 && value < 255)) said.push("transparent parts made white");
  const smaller = Math.min(1, LOOKED_AT / Math.max(width, height));
  const [across, down] = [width, height].map((length) => Math.max(1, Math.floor(length * smaller)));
  const ink = inkOf(smaller < 1 ? resampled(whole, smaller, 0, 0, { width: across, height: down }) : whole, said);
  if (!ink) return { greys: null, said };
  const { left, top, wide, high, centre } = placeOf(ink, mass), scale = side / Math.max(wide, high);
  const [x, y] = [[left, wide, 0], [top, high, 1]].map(([start, length, axis]) => {
    // The box begins with a whole pixel, as near to where its centre is in the middle as leaves no ink outside.
    const border = Math.round(middle[axis] - (centre[axis] - start) * scale);
    return Math.min(Math.max(border, 0), Math.floor(SEEN - length * scale)) - start * scale;
  });
  const small = resampled(ink, scale, x, y, { width: SEEN, height: SEEN }).values;
  const most = Math.max(...small), pixels = (length) => Math.round(length / smaller);
  said.push(`cut to the ink: ${pixels(wide)}×${pixels(high)} of ${width}×${height} pixels`);
  said.push(`scaled to ${side} pixels, and its centre${mass ? " of mass" : ""} moved to the middle`);
  return { greys: Float32Array.from(small, (value) => value / most), said };
}
