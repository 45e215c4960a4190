// The files of a first try: a made slide, and made patches. Their names say that they are made.

import { noiseOf } from "./noise";
import { tiledTiff } from "./tiff";
import { tissue, type Picture } from "./tissue";

const UM_PER_PX = 4;
const SLIDE_PX = { width: 2000, height: 1500 }; // 8 mm x 6 mm
const PATCH_PX = 50;
const PATCHES = 12;

/** Tissue of 8 mm x 6 mm with two dense regions, shrunk so many times. */
function slidePicture(shrink: number): Picture {
  const { width, height } = SLIDE_PX;
  const near = (x: number, y: number, radius: number) => Math.exp(-((x / radius) ** 2 + (y / radius) ** 2));
  const outline = noiseOf(3);
  return tissue(width / shrink, height / shrink, 7, (column, row) => {
    const [x, y] = [column * shrink, row * shrink];
    const [right, down] = [x / width - 0.5, y / height - 0.5];
    const rough = 0.35 * (outline(x / 260, y / 260) - 0.5) + 0.08 * (outline(x / 40, y / 40) - 0.5);
    if ((right / 0.43) ** 2 + (down / 0.41) ** 2 > 1 + rough) return null;
    return Math.min(1, near(x - 700, y - 600, 300) + near(x - 1400, y - 950, 200));
  });
}

/** The slide as a tiled TIFF. */
export function madeSlide(): File {
  const picture = slidePicture(1);
  const file = tiledTiff(picture, UM_PER_PX, "Made by IDC Sentinel for a first try. It is no tissue.");
  return new File([file], "made-slide.tif", { type: "image/tiff" });
}

/** Patches from sparse to dense nuclei, as PNG. */
export function madePatches(): Promise<File[]> {
  return Promise.all(
    Array.from({ length: PATCHES }, (_, place) => png(patchPicture(place), `made-patch-${String(place + 1).padStart(2, "0")}.png`)),
  );
}

/** Draw how the slide looks from afar. */
export function drawSlide(canvas: HTMLCanvasElement): void {
  draw(canvas, slidePicture(4));
}

/** Draw how some of the patches look. */
export function drawPatches(canvas: HTMLCanvasElement): void {
  const [columns, rows, gap] = [4, 3, 4];
  [canvas.width, canvas.height] = [columns * (PATCH_PX + gap) - gap, rows * (PATCH_PX + gap) - gap];
  const one = document.createElement("canvas");
  for (let place = 0; place < PATCHES; place += 1) {
    draw(one, patchPicture(place));
    canvas.getContext("2d")!.drawImage(one, (place % columns) * (PATCH_PX + gap), Math.floor(place / columns) * (PATCH_PX + gap));
  }
}

const patchPicture = (place: number) => tissue(PATCH_PX, PATCH_PX, 100 + 37 * place, () => place / (PATCHES - 1));

async function png(picture: Picture, name: string): Promise<File> {
  const canvas = document.createElement("canvas");
  draw(canvas, picture);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (blob === null) throw new Error("the browser could not encode a picture");
  return new File([blob], name, { type: "image/png" });
}

function draw(canvas: HTMLCanvasElement, { width, height, rgb }: Picture): void {
  [canvas.width, canvas.height] = [width, height];
  const data = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    data.data.set([...rgb.subarray(pixel * 3, pixel * 3 + 3), 255], pixel * 4);
  }
  // without alpha: the gateway takes opaque images only
  canvas.getContext("2d", { alpha: false })!.putImageData(data, 0, 0);
}
