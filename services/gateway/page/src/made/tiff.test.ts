import { expect, test } from "vitest";

import { TILE_PX, tiledTiff } from "./tiff";
import { tissue } from "./tissue";

test("each pixel of the picture stands at its place in its tile", () => {
  const picture = tissue(TILE_PX + 3, TILE_PX + 2, 1, (x) => (x < 9 ? null : 0.5));
  const file = tiledTiff(picture, 4, "made");
  const tileBytes = TILE_PX * TILE_PX * 3;
  const from = file.length - 4 * tileBytes;
  const at = (tile: number, x: number, y: number) => [...file.subarray(from + tile * tileBytes + (y * TILE_PX + x) * 3).subarray(0, 3)];
  const of = (x: number, y: number) => [...picture.rgb.subarray((y * picture.width + x) * 3).subarray(0, 3)];

  expect(at(0, 5, 7)).toEqual(of(5, 7));
  expect(at(1, 2, 7)).toEqual(of(TILE_PX + 2, 7));
  expect(at(3, 1, 1)).toEqual(of(TILE_PX + 1, TILE_PX + 1));
});

test("the same seed makes the same tissue", () => {
  const one = () => tissue(20, 20, 5, () => 0.5).rgb;
  expect(one()).toEqual(one());
});
