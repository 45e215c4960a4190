// The files of a first try: a made slide, and made patches. Their names say that they are made.

import { tiledTiff } from "./tiff";
import { tissue, type Picture } from "./tissue";

const UM_PER_PX = 4;
const SLIDE_PX = { width: 2000, height: 1500 }; // 8 mm x 6 mm
const PATCH_PX = 50;
const PATCHES = 12;

/** A slide of 8 mm x 6 mm with two dense regions, as a tiled TIFF. */
export function madeSlide(): File {
  const { width, height } = SLIDE_PX;
  const near = (x: number, y: number, radius: number) => Math.exp(-((x / radius) ** 2 + (y / radius) ** 2));
  const picture = tissue(width, height, 7, (x, y) => {
    const [right, down] = [x / width - 0.5, y / height - 0.5];
    if ((right / 0.44) ** 2 + (down / 0.42) ** 2 > 1 + 0.06 * Math.sin(9 * Math.atan2(down, right))) return null;
    return Math.min(1, near(x - 700, y - 600, 260) + near(x - 1400, y - 950, 180));
  });
  const file = tiledTiff(picture, UM_PER_PX, "Made by IDC Sentinel for a first try. It is no tissue.");
  return new File([file], "made-slide.tif", { type: "image/tiff" });
}

/** Patches from sparse to dense nuclei, as PNG. */
export function madePatches(): Promise<File[]> {
  return Promise.all(
    Array.from({ length: PATCHES }, (_, place) => {
      const picture = tissue(PATCH_PX, PATCH_PX, 100 + 37 * place, () => place / (PATCHES - 1));
      return png(picture, `made-patch-${String(place + 1).padStart(2, "0")}.png`);
    }),
  );
}

async function png({ width, height, rgb }: Picture, name: string): Promise<File> {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const data = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    data.data.set([...rgb.subarray(pixel * 3, pixel * 3 + 3), 255], pixel * 4);
  }
  // without alpha: the gateway takes opaque images only
  canvas.getContext("2d", { alpha: false })!.putImageData(data, 0, 0);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (blob === null) throw new Error("the browser could not encode a picture");
  return new File([blob], name, { type: "image/png" });
}
