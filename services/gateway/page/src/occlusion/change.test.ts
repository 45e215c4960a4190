import { expect, test } from "vitest";

import { changeColour, fullChange, placed, strongest } from "./change";

test("the strongest window is named by its middle, whatever the sign", () => {
  const item = { window_um: 40, step_um: 20, change: [[0.1, 0.2], [-0.5, 0]] };

  expect(strongest(item)).toEqual({ value: -0.5, x_um: 20, y_um: 40 });
});

test("a map without a noticeable change has no strongest window", () => {
  expect(strongest({ window_um: 40, step_um: 20, change: [[0.01, -0.02]] })).toBeNull();
});

test("noise gets no full colour", () => {
  expect(fullChange([[0.001, -0.002]])).toBe(0.05);
  expect(fullChange([[0.2, -0.7]])).toBe(0.7);
});

test("orange speaks for IDC, blue against it, and no change is transparent", () => {
  expect(changeColour(0.5, 0.5)).toBe("rgb(179 88 6 / 85%)");
  expect(changeColour(-0.5, 0.5)).toBe("rgb(33 102 172 / 85%)");
  expect(changeColour(0, 0.5)).toBe("rgb(179 88 6 / 0%)");
});

test("the map lies over the field that the model sees", () => {
  const whole = { left: 0, top: 0, width: 100, height: 100 };
  expect(placed(null)).toEqual(whole);
  expect(placed({ width_px: 80, height_px: 60, um_per_px: null })).toEqual(whole);
  expect(placed({ width_px: 40, height_px: 40, um_per_px: 4 })).toEqual(whole); // too narrow for the field
  expect(placed({ width_px: 200, height_px: 100, um_per_px: 4 })).toEqual({ left: -150, top: -50, width: 400, height: 200 });
});
