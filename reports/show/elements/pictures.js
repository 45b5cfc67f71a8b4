// Pictures on the page: greys on a canvas, and names that may hold any letter.

export const escaped = (text) => text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);

// All pictures are drawn by way of these pixels.
const pixels = new ImageData(28, 28);

/** Shows 28·28 greys as dark ink on white. */
export function ink(canvas, greys) {
  for (let k = 0; k < greys.length; k++) {
    const at = 4 * k;
    pixels.data[at] = pixels.data[at + 1] = pixels.data[at + 2] = 255 - 255 * greys[k];
    pixels.data[at + 3] = 255;
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}

/** An image's greys from 0 to 1, out of the bytes of many. */
export function greysOf(bytes, image) {
  return Float32Array.from(bytes.subarray(784 * image, 784 * (image + 1)), (grey) => grey / 255);
}
