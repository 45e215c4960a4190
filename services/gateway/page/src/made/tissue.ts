// Pictures that look like H&E-stained breast at 4 um per pixel, for a first try: fibres, fat, ducts, and nests of dense
// nuclei. They are drawn, and no tissue.

import { cellsOf, noiseOf } from "./noise";

/** RGB, row by row, three bytes a pixel. */
export type Picture = { width: number; height: number; rgb: Uint8Array };

/** How dense the nuclei are at a pixel, from 0 (stroma and fat) to 1 (nests); null for glass. */
export type Density = (x: number, y: number) => number | null;

type Colour = readonly [number, number, number];

const GLASS: Colour = [243, 242, 244];
const STROMA: Colour = [232, 176, 206];
const FIBRE: Colour = [209, 132, 176];
const FAT: Colour = [245, 239, 244];
const MEMBRANE: Colour = [222, 166, 198];
const CYTOPLASM: Colour = [190, 128, 184];
const NUCLEUS: Colour = [78, 50, 122];
const FAT_CELL_PX = 15; // 60 um
const NUCLEI_IN_STROMA = 0.004; // for each pixel
const NUCLEI_IN_NESTS = 0.085;
const DUCTS = 3.5e-5; // for each pixel without nests

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

export function tissue(width: number, height: number, seed: number, density: Density): Picture {
  const random = randomNumbers(seed);
  const picture = { width, height, rgb: new Uint8Array(width * height * 3) };
  const ground = groundOf(seed);
  const nuclei: [number, number][] = [];
  const ducts: [number, number][] = [];
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const dense = density(x, y);
      if (dense === null) {
        put(picture, x, y, GLASS, 1);
        continue;
      }
      const { colour, isNest, isFat } = ground(x, y, dense);
      put(picture, x, y, shaded(colour, (random() - 0.5) * 12), 1);
      if (random() < (isNest ? NUCLEI_IN_NESTS : isFat ? NUCLEI_IN_STROMA / 4 : NUCLEI_IN_STROMA)) nuclei.push([x, y]);
      if (!isNest && dense < 0.3 && random() < DUCTS) ducts.push([x, y]);
    }
  }
  for (const [x, y] of nuclei) ellipse(picture, x, y, 1 + random() * 0.9, 0.8 + random() * 0.7, random() * Math.PI, shaded(NUCLEUS, random() * 40), 0.85);
  for (const [x, y] of ducts) if (isAllTissue(density, x, y, width, height)) lobule(picture, x, y, random);
  return picture;
}

/** What lies below the nuclei at a pixel. */
function groundOf(seed: number) {
  const noise = noiseOf(seed);
  const fatCells = cellsOf(seed + 1, FAT_CELL_PX);
  return (x: number, y: number, dense: number): { colour: Colour; isNest: boolean; isFat: boolean } => {
    const bend = 26 * (noise(x / 70, y / 70) - 0.5);
    const fibre = noise((x + bend) / 34, (y + 2 * bend) / 3.4) * 0.65 + noise(x / 5, (y + bend) / 2) * 0.35;
    const nest = noise(x / 13, y / 13) * 0.65 + noise(x / 5, y / 5) * 0.35;
    if (nest < 0.2 + dense * 0.62 && dense > 0.12) return { colour: mixed(CYTOPLASM, STROMA, Math.min(1, (nest / (0.2 + dense * 0.62)) ** 6)), isNest: true, isFat: false };
    if (noise(x / 150 + 40, y / 150) > 0.56 + dense * 0.5) {
      const edge = fatCells(x, y);
      return { colour: mixed(MEMBRANE, FAT, Math.min(1, edge / 2.2)), isNest: false, isFat: true };
    }
    return { colour: mixed(STROMA, FIBRE, fibre ** 1.6), isNest: false, isFat: false };
  };
}

/** A duct with the lobes around it: rings of nuclei around open lumina. */
function lobule(picture: Picture, x: number, y: number, random: () => number): void {
  for (let number = 2 + Math.floor(random() * 6); number > 0; number -= 1) {
    const [turn, far] = [random() * 2 * Math.PI, 8 + random() * 20];
    ring(picture, x + Math.cos(turn) * far, y + Math.sin(turn) * far, 3 + random() * 3.5, random);
  }
}

function ring(picture: Picture, x: number, y: number, radius: number, random: () => number): void {
  ellipse(picture, x, y, radius + 2, radius + 1.5, 0, CYTOPLASM, 0.8);
  ellipse(picture, x, y, radius - 0.5, radius - 0.8, 0, FAT, 0.95);
  for (let turn = 0; turn < 2 * Math.PI; turn += 2.3 / radius) {
    const far = radius + random() * 0.9;
    ellipse(picture, x + Math.cos(turn) * far, y + Math.sin(turn) * far, 1.2, 0.9, turn, shaded(NUCLEUS, random() * 30), 0.85);
  }
}

function isAllTissue(density: Density, x: number, y: number, width: number, height: number): boolean {
  const near = 40;
  return x > near && y > near && x < width - near && y < height - near && [-near, near].every((by) => density(x + by, y) !== null && density(x, y + by) !== null);
}

/** An ellipse with soft edges. */
function ellipse(picture: Picture, x: number, y: number, long: number, short: number, turn: number, colour: Colour, strength: number): void {
  const reach = Math.ceil(long) + 1;
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  for (let py = Math.max(0, Math.floor(y - reach)); py <= y + reach; py += 1) {
    for (let px = Math.max(0, Math.floor(x - reach)); px <= x + reach; px += 1) {
      const [right, down] = [px - x, py - y];
      const far = Math.hypot((right * cos + down * sin) / long, (down * cos - right * sin) / short);
      if (far < 1.35) put(picture, px, py, colour, strength * Math.min(1, (1.35 - far) / 0.5));
    }
  }
}

function put({ width, height, rgb }: Picture, x: number, y: number, colour: Colour, strength: number): void {
  if (x >= width || y >= height) return;
  const place = (y * width + x) * 3;
  for (let channel = 0; channel < 3; channel += 1) rgb[place + channel] = rgb[place + channel]! * (1 - strength) + colour[channel]! * strength;
}

const mixed = (one: Colour, other: Colour, share: number): Colour => [0, 1, 2].map((channel) => one[channel]! * (1 - share) + other[channel]! * share) as unknown as Colour;
const shaded = (colour: Colour, by: number): Colour => colour.map((value) => Math.max(0, Math.min(255, value + by))) as unknown as Colour;
