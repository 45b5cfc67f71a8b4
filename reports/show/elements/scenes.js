// What each board of the lab shows: grids of cells, made from what is chosen and from a model. A cell
// holds greys, or a code that they are generated from.

import { blended, classCode, contentCode } from "./codes.js";
import { greysOf } from "./pictures.js";

const join = (classes, content) => [...classes, ...content];
/** Steps from 0 to 1. */
const steps = (count) => Array.from({ length: count }, (_, k) => k / (count - 1));

/** An image's content code, or null for a training image that the model was not trained on. */
function ofImage(model, image, { trained }) {
  return image < model.known[0] || image >= trained ? contentCode(model, image, 0, []) : null;
}

function generated(model, label, content, alt, note = "") {
  return content ? { code: join(classCode(model, label), content), alt, note } : { alt: `${alt}: none`, note };
}

function real({ classes, labels, greys }, image) {
  return { greys: greys(image), alt: `the real image, class ${classes[labels[image]]}` };
}

/** Images, their reconstructions, their conversions, and images from scratch. */
function noise({ images, target, seed }, model, gallery) {
  const { classes, labels } = gallery;
  const contents = images.map((image) => ofImage(model, image, gallery));
  const row = (words, label) =>
    images.map((image, k) => generated(model, label(image), contents[k], `${words} ${classes[label(image)]}`));
  const codes = [0, 1, 2].map((k) => contentCode(model, 0, seed + k + 1, []));
  return [
    {
      rows: ["real", "reconstructed", `as ${classes[target]}`],
      cells: [
        images.map((image) => real(gallery, image)),
        row("reconstructed, class", (image) => labels[image]),
        row("converted to", () => target),
      ],
    },
    {
      rows: codes.map((_, k) => `code ${seed + k}`),
      columns: classes,
      cells: codes.map((content) => classes.map((name, k) => generated(model, k, content, `from scratch as ${name}`))),
    },
  ];
}

const DOWN = 5, ACROSS = 9;

/** Images beside their conversions, with notes; and what lies between two classes and two contents. */
function conversion({ images, targets, notes, start, end }, model, gallery) {
  const { classes, labels } = gallery;
  const cells = images.map((image, r) => [
    { ...real(gallery, image), note: notes[r]?.[0] },
    ...targets.map((label, k) =>
      generated(model, label, ofImage(model, image, gallery), `as ${classes[label]}`, notes[r]?.[k + 1])),
  ]);
  const names = images.map((image) => classes[labels[image]]);
  const grids = [{ rows: names, columns: ["real", ...targets.map((label) => classes[label])], cells }];
  const first = ofImage(model, images[0], gallery), last = ofImage(model, images.at(-1), gallery);
  if (!first || !last) return grids;
  const [from, to] = [start, end].map((label) => classCode(model, label));
  const down = images.length > 1 ? steps(DOWN) : [0];
  const between = down.map((low) => steps(ACROSS).map((across) => ({
    code: join(blended(from, to, across), blended(first, last, low)),
    alt: `${Math.round(100 * across)} % of the way from ${classes[start]} to ${classes[end]}`,
  })));
  const rows = down.map((_, k) => (k === 0 ? "first image" : k === down.length - 1 ? "last image" : ""));
  const columns = steps(ACROSS).map((_, k) => (k === 0 ? classes[start] : k === ACROSS - 1 ? classes[end] : ""));
  return [...grids, { rows, columns, cells: between }];
}

/** Random codes of every prior with every class, moved along the directions, above the nearest training images. */
function scratch({ priors, seed, moves, nearest, notes }, model, { classes }) {
  const size = model.mean.length, count = model.draws.length / priors.length / size;
  const moved = contentCode({ ...model, content: new Float32Array(size) }, 0, 0, moves);
  const rows = [], cells = [];
  priors.forEach((name, p) => {
    const place = (p * count + seed) * size, drawn = model.draws.subarray(place, place + size);
    const content = moved.map((move, n) => drawn[n] + move);
    rows.push(name, "nearest");
    cells.push(classes.map((each, k) => generated(model, k, content, `${each} from scratch, ${name}`)));
    cells.push(classes.map((each, k) => ({
      greys: nearest?.(p * classes.length + k), found: true, note: notes[p]?.[k],
      alt: `the training image nearest to ${each}, ${name}`,
    })));
  });
  return [{ rows, columns: classes, cells }];
}

/** The panel's images and one code from scratch, as they were after an epoch. */
function epochs({ epoch }, model, { classes }) {
  const each = Array.from(model.shown), count = each.length, last = model.panel.length / count / 784;
  const at = Math.min(epoch, last);
  const cell = (bytes, place, alt) => ({ greys: greysOf(bytes, place), alt });
  const rows = [], cells = [];
  const ofClass = classes.map((_, label) => [...each.keys()].filter((k) => each[k] === label));
  for (let nth = 0; nth < Math.max(...ofClass.map((places) => places.length)); nth++) {
    // Below the name of its class; a class of fewer images leaves a blank
    const row = (bytes, start, words) => ofClass.map((places, label) => nth < places.length
      ? cell(bytes, start + places[nth], words(classes[label])) : { alt: `no image of class ${classes[label]}` });
    rows.push("real", `epoch ${at}`);
    cells.push(row(model.real, 0, (name) => `the real image, class ${name}`));
    cells.push(row(model.panel, (at - 1) * count, (name) => `class ${name} after epoch ${at}`));
  }
  rows.push("from scratch");
  cells.push(classes.map((name, k) => cell(model.scratch, (at - 1) * classes.length + k, `${name} from scratch after epoch ${at}`)));
  return [{ rows, columns: classes, cells }];
}

export const SCENES = { noise, conversion, scratch, epochs };
