// Pictures on the page: greys on a canvas, and names that may hold any letter.

export const escaped = (text) => text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);

/** Shows 28·28 greys as dark ink on white. */
export function ink(canvas, greys) {
  const pixels = new ImageData(28, 28);
  greys.forEach((grey, k) => pixels.data.set([255 - 255 * grey, 255 - 255 * grey, 255 - 255 * grey, 255], 4 * k));
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}
