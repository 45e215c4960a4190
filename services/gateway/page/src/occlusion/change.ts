// What an occlusion map says, in colours and in one sentence's worth of numbers.

import type { OcclusionItem } from "../interface/types";

/** Smaller changes than this are noise: they get no full colour. */
const LEAST_FULL = 0.05;
const FOR = [179, 88, 6] as const;
const AGAINST = [33, 102, 172] as const;

/** The change that gets the full colour: the largest, whatever its sign. */
export function fullChange(change: readonly (readonly number[])[]): number {
  return change.flat().reduce((largest, value) => Math.max(largest, Math.abs(value)), LEAST_FULL);
}

/** A colour for a change as CSS: orange speaks for IDC, blue against it, and nothing is transparent. */
export function changeColour(value: number, full: number): string {
  const share = Math.min(1, Math.abs(value) / full);
  return `rgb(${(value >= 0 ? FOR : AGAINST).join(" ")} / ${Math.round(share * 85)}%)`;
}

export type Strongest = { value: number; x_um: number; y_um: number };

/** The window whose absence changes P(IDC) most: its middle, from the patch's upper left; null where none does so noticeably. */
export function strongest(item: Pick<OcclusionItem, "change" | "window_um" | "step_um">): Strongest | null {
  let best: Strongest | null = null;
  item.change.forEach((values, row) =>
    values.forEach((value, column) => {
      if (Math.abs(value) < LEAST_FULL || (best !== null && Math.abs(value) <= Math.abs(best.value))) return;
      const [x_um, y_um] = [column, row].map((place) => place * item.step_um + item.window_um / 2) as [number, number];
      best = { value, x_um, y_um };
    }),
  );
  return best;
}

export type Shape = { width_px: number; height_px: number; um_per_px: number | null };
/** Where an image lies in a square that shows the patch alone, in percent of the square. */
export type Placed = { left: number; top: number; width: number; height: number };

const FIELD_UM = 200;
const LEAST_FIELD_UM = 190;
const WHOLE: Placed = { left: 0, top: 0, width: 100, height: 100 };

/** As the model sees an image: the central field of one whose scale is stated, else all of it (packages/modelio, field.py). */
export function placed(shape: Shape | null): Placed {
  if (shape === null || shape.um_per_px === null) return WHOLE;
  const shorter = Math.min(shape.width_px, shape.height_px);
  if (shorter * shape.um_per_px < LEAST_FIELD_UM) return WHOLE;
  const side = Math.min(FIELD_UM / shape.um_per_px, shorter);
  const before = (length: number) => (-50 * (length - side)) / side;
  return { left: before(shape.width_px), top: before(shape.height_px), width: (100 * shape.width_px) / side, height: (100 * shape.height_px) / side };
}
