// Writes a tiled TIFF as slide readers take it: RGB, uncompressed, with its scale (TIFF 6.0).

import type { Picture } from "./tissue";

export const TILE_PX = 256;

const ASCII = 2;
const SHORT = 3;
const LONG = 4;
const RATIONAL = 5;
const SIZES: Record<number, number> = { [ASCII]: 1, [SHORT]: 2, [LONG]: 4, [RATIONAL]: 8 };

type Tag = { tag: number; type: number; values: number[] };

/** The file, with so many micrometres per pixel and a description. */
export function tiledTiff(picture: Picture, umPerPx: number, description: string): Uint8Array<ArrayBuffer> {
  const across = Math.ceil(picture.width / TILE_PX);
  const tiles = across * Math.ceil(picture.height / TILE_PX);
  const tileBytes = TILE_PX * TILE_PX * 3;
  const pxPerCm = Math.round((10_000 / umPerPx) * 1000);
  const text = [...new TextEncoder().encode(description), 0];
  const tagsOf = (from: number): Tag[] => [
    { tag: 256, type: LONG, values: [picture.width] },
    { tag: 257, type: LONG, values: [picture.height] },
    { tag: 258, type: SHORT, values: [8, 8, 8] },
    { tag: 259, type: SHORT, values: [1] }, // no compression
    { tag: 262, type: SHORT, values: [2] }, // RGB
    { tag: 270, type: ASCII, values: text },
    { tag: 277, type: SHORT, values: [3] },
    { tag: 282, type: RATIONAL, values: [pxPerCm, 1000] },
    { tag: 283, type: RATIONAL, values: [pxPerCm, 1000] },
    { tag: 284, type: SHORT, values: [1] },
    { tag: 296, type: SHORT, values: [3] }, // per centimetre
    { tag: 322, type: LONG, values: [TILE_PX] },
    { tag: 323, type: LONG, values: [TILE_PX] },
    { tag: 324, type: LONG, values: Array.from({ length: tiles }, (_, tile) => from + tile * tileBytes) },
    { tag: 325, type: LONG, values: Array.from({ length: tiles }, () => tileBytes) },
  ];
  const from = endOfTags(tagsOf(0));
  const file = new Uint8Array(from + tiles * tileBytes);
  writeTags(new DataView(file.buffer), tagsOf(from));
  for (let tile = 0; tile < tiles; tile += 1) {
    copyTile(picture, tile % across, Math.floor(tile / across), file.subarray(from + tile * tileBytes, from + (tile + 1) * tileBytes));
  }
  return file;
}

/** Values of up to four bytes stand in their tag, others behind all tags. */
function bytesBehind({ type, values }: Tag): number {
  const bytes = (type === RATIONAL ? values.length / 2 : values.length) * SIZES[type]!;
  return bytes <= 4 ? 0 : bytes + (bytes % 2);
}

const HEADER_BYTES = 8;
const directoryBytes = (tags: Tag[]) => 2 + tags.length * 12 + 4;

function endOfTags(tags: Tag[]): number {
  return HEADER_BYTES + directoryBytes(tags) + tags.reduce((sum, tag) => sum + bytesBehind(tag), 0);
}

function writeTags(view: DataView, tags: Tag[]): void {
  view.setUint16(0, 0x4949); // little-endian
  view.setUint16(2, 42, true);
  view.setUint32(4, HEADER_BYTES, true);
  view.setUint16(HEADER_BYTES, tags.length, true);
  let behind = HEADER_BYTES + directoryBytes(tags);
  tags.forEach((tag, index) => {
    const place = HEADER_BYTES + 2 + index * 12;
    view.setUint16(place, tag.tag, true);
    view.setUint16(place + 2, tag.type, true);
    view.setUint32(place + 4, tag.type === RATIONAL ? 1 : tag.values.length, true);
    const bytes = bytesBehind(tag);
    if (bytes > 0) view.setUint32(place + 8, behind, true);
    writeValues(view, bytes > 0 ? behind : place + 8, tag);
    behind += bytes;
  });
}

function writeValues(view: DataView, place: number, { type, values }: Tag): void {
  values.forEach((value, index) => {
    if (type === ASCII) view.setUint8(place + index, value);
    else if (type === SHORT) view.setUint16(place + index * 2, value, true);
    else view.setUint32(place + index * 4, value, true);
  });
}

function copyTile({ width, height, rgb }: Picture, column: number, row: number, tile: Uint8Array): void {
  const left = column * TILE_PX;
  const bytes = Math.min(TILE_PX, width - left) * 3;
  for (let y = 0; y < TILE_PX && row * TILE_PX + y < height; y += 1) {
    const from = ((row * TILE_PX + y) * width + left) * 3;
    tile.set(rgb.subarray(from, from + bytes), y * TILE_PX * 3);
  }
}
