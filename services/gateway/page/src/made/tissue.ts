// Pictures that look like H&E-stained tissue from afar, at 4 um per pixel, for a first try. They are no tissue.

/** RGB, row by row, three bytes a pixel. */
export type Picture = { width: number; height: number; rgb: Uint8Array };

type Colour = readonly [number, number, number];

const GLASS: Colour = [243, 242, 244];
const EOSIN: Colour = [224, 160, 196];
const HEMATOXYLIN: Colour = [88, 56, 128];
const SPREAD = 16; // of the eosin's shade
const STROMA_NUCLEI = 0.006; // for each pixel
const DENSE_NUCLEI = 0.07;

/** Numbers from 0 to 1, the same ones for the same seed: xorshift (Marsaglia 2003). */
export function randomNumbers(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** How dense the nuclei are at a pixel, from 0 (stroma) to 1; null for glass. */
export type Density = (x: number, y: number) => number | null;

export function tissue(width: number, height: number, seed: number, density: Density): Picture {
  const random = randomNumbers(seed);
  const picture = { width, height, rgb: new Uint8Array(width * height * 3) };
  const nuclei: [number, number][] = [];
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const dense = density(x, y);
      const shade = dense === null ? 0 : (random() - 0.5) * SPREAD + 6 * Math.sin(x / 17 + 3 * Math.sin(y / 41));
      paint(picture, x, y, dense === null ? GLASS : EOSIN, shade);
      if (dense !== null && random() < STROMA_NUCLEI + dense * (DENSE_NUCLEI - STROMA_NUCLEI)) nuclei.push([x, y]);
    }
  }
  for (const [x, y] of nuclei) nucleus(picture, x, y, random);
  return picture;
}

/** A nucleus of 8 to 12 um: two or three pixels. */
function nucleus(picture: Picture, x: number, y: number, random: () => number): void {
  const [right, down] = [1 + Math.round(random()), 1 + Math.round(random())];
  for (let dy = 0; dy <= down; dy += 1) for (let dx = 0; dx <= right; dx += 1) paint(picture, x + dx, y + dy, HEMATOXYLIN, (random() - 0.5) * 30);
}

function paint({ width, height, rgb }: Picture, x: number, y: number, colour: Colour, shade: number): void {
  if (x >= width || y >= height) return;
  const place = (y * width + x) * 3;
  for (const [channel, value] of colour.entries()) rgb[place + channel] = Math.max(0, Math.min(255, value + shade));
}
