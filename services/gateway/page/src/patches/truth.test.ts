import { expect, test } from "vitest";

import { confusionMatrix, truthOf } from "./truth";

test("the class is read from names of the public data set", () => {
  expect(truthOf("8975_idx5_x1001_y1351_class1.png")).toBe("idc");
  expect(truthOf("8975_idx5_x1001_y1351_class0")).toBe("no_idc");
});

test("a name that only resembles them carries no class", () => {
  expect(["class1.png", "a_class2.png", "a_class1_copy.png", ""].map(truthOf)).toEqual([null, null, null, null]);
});

test("decisions are counted by class, names without one are left out", () => {
  const results = [
    { name: "a_class1.png", decision: "idc" },
    { name: "b_class1.png", decision: "uncertain" },
    { name: "c_class0.png", decision: "no_idc" },
    { name: "d.png", decision: "idc" },
  ] as const;
  expect(confusionMatrix([...results])).toEqual({
    idc: { idc: 1, uncertain: 1, no_idc: 0 },
    no_idc: { idc: 0, uncertain: 0, no_idc: 1 },
  });
});
