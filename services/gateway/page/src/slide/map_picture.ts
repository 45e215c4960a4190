// The map as a picture: some pixels for each cell, which the viewer stretches over the tissue without interpolation.

import type { Decision, SlideCells } from "../interface/types";
import { colourOf, type Cut } from "./cells";

const CELL_PX = 8; // enough for hatching

/** Draw the cells; an uncertain one is hatched. */
export function mapPicture(cells: SlideCells, decisions: readonly Decision[], cut: Cut, size: { columns: number; rows: number }): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = size.columns * CELL_PX;
  canvas.height = size.rows * CELL_PX;
  const picture = canvas.getContext("2d")!;
  decisions.forEach((decision, index) => {
    const [x, y] = [cells.column[index]! * CELL_PX, cells.row[index]! * CELL_PX];
    picture.fillStyle = `rgb(${colourOf(cells.logit[index]!, cut).join(" ")})`;
    picture.fillRect(x, y, CELL_PX, CELL_PX);
    if (decision === "uncertain") hatch(picture, x, y);
  });
  return canvas;
}

function hatch(picture: CanvasRenderingContext2D, x: number, y: number): void {
  picture.fillStyle = "rgb(60 60 60)";
  for (let step = 0; step < CELL_PX; step += 1) picture.fillRect(x + step, y + CELL_PX - 1 - step, 1, 1);
}
