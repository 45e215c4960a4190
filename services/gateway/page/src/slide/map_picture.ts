// The map as a picture: some pixels for each cell, drawn once, which the viewer stretches over the tissue without interpolation.

import type { Decision, SlideCells } from "../interface/types";
import { colourOf, type Cell, type Cut } from "./cells";
import { flawed } from "./places";

const CELL_PX = 8; // enough for hatching
const LARGEST_PX = 8192; // of a side, which every browser's canvas takes
const HATCH = rgba(60, 60, 60, 255);
/** Left out for a flaw. */
const FLAW = rgba(110, 110, 110, 200);
/** Where nothing was found, the tissue shows through: what the model says must not be louder than it. */
const ALPHA: Record<Decision, number> = { idc: 255, uncertain: 255, no_idc: 100 };

/** Draw the cells; an uncertain one is hatched, one that was left out for a flaw is grey. */
export function mapPicture(cells: SlideCells, decisions: readonly Decision[], cut: Cut, size: { columns: number; rows: number }): HTMLCanvasElement {
  const side = Math.max(2, Math.min(CELL_PX, Math.floor(LARGEST_PX / Math.max(size.columns, size.rows))));
  const canvas = document.createElement("canvas");
  canvas.width = size.columns * side;
  canvas.height = size.rows * side;
  const context = canvas.getContext("2d")!;
  const picture = context.createImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(picture.data.buffer);
  const fill = ({ column, row }: Cell, colour: number, isHatched = false) => {
    const first = row * side * canvas.width + column * side;
    for (let down = 0; down < side; down += 1) {
      const start = first + down * canvas.width;
      pixels.fill(colour, start, start + side);
      if (isHatched) pixels[start + side - 1 - down] = HATCH;
    }
  };
  for (const cell of flawed(cells)) fill(cell, FLAW);
  decisions.forEach((decision, index) => {
    const colour = rgba(...colourOf(cells.logit[index]!, cut), ALPHA[decision]);
    fill({ column: cells.column[index]!, row: cells.row[index]! }, colour, decision === "uncertain");
  });
  context.putImageData(picture, 0, 0);
  return canvas;
}

/** A pixel, 0-255 each; the four bytes lie in this order in memory. */
function rgba(red: number, green: number, blue: number, alpha: number): number {
  return new Uint32Array(new Uint8Array([red, green, blue, alpha]).buffer)[0]!;
}
