// The map as a picture: some pixels for each cell, drawn once, which the viewer stretches over the tissue without interpolation.

import type { Decision, SlideCells } from "../interface/types";
import { colourOf, type Cut } from "./cells";

const CELL_PX = 8; // enough for hatching
const LARGEST_PX = 8192; // of a side, which every browser's canvas takes
const HATCH = rgba(60, 60, 60);

/** Draw the cells; an uncertain one is hatched. */
export function mapPicture(cells: SlideCells, decisions: readonly Decision[], cut: Cut, size: { columns: number; rows: number }): HTMLCanvasElement {
  const side = Math.max(2, Math.min(CELL_PX, Math.floor(LARGEST_PX / Math.max(size.columns, size.rows))));
  const canvas = document.createElement("canvas");
  canvas.width = size.columns * side;
  canvas.height = size.rows * side;
  const context = canvas.getContext("2d")!;
  const picture = context.createImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(picture.data.buffer);
  decisions.forEach((decision, index) => {
    const first = cells.row[index]! * side * canvas.width + cells.column[index]! * side;
    const colour = rgba(...colourOf(cells.logit[index]!, cut));
    for (let down = 0; down < side; down += 1) {
      const start = first + down * canvas.width;
      pixels.fill(colour, start, start + side);
      if (decision === "uncertain") pixels[start + side - 1 - down] = HATCH;
    }
  });
  context.putImageData(picture, 0, 0);
  return canvas;
}

/** An opaque pixel; the four bytes lie in this order in memory. */
function rgba(red: number, green: number, blue: number): number {
  return new Uint32Array(new Uint8Array([red, green, blue, 255]).buffer)[0]!;
}
