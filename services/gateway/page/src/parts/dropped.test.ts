import { expect, test } from "vitest";

import { isSlide, sorted } from "./dropped";

const file = (name: string) => ({ name, size: 10 }) as File;
const dropped = (...paths: [string, string][]) => paths.map(([folder, name]) => ({ folder, file: file(name) }));
const names = (files: { name: string }[]) => files.map(({ name }) => name);

test("a slide is known by its name, a TIFF by its size", () => {
  expect(isSlide({ name: "a.SVS", size: 1 })).toBe(true);
  expect(isSlide({ name: "a.tif", size: 512 * 512 * 4 + 1000 })).toBe(false);
  expect(isSlide({ name: "a.tiff", size: 9_437_840 })).toBe(true);
  expect(isSlide({ name: "svs.png", size: 1e9 })).toBe(false);
});

test("patches stay in their folders, loose ones are together, slides are apart", () => {
  const { slides, folders } = sorted(dropped(["b1", "1.png"], ["", "x.png"], ["b2", "2.png"], ["b1", "s.svs"], ["b1", "3.png"], ["", "y.png"]));
  expect(names(slides)).toEqual(["s.svs"]);
  expect(folders.map(({ name, files }) => [name, names(files)])).toEqual([
    ["b1", ["1.png", "3.png"]],
    ["x.png + 1", ["x.png", "y.png"]],
    ["b2", ["2.png"]],
  ]);
});

test("what the system keeps in a folder is no patch", () => {
  const { folders } = sorted(dropped(["b1", ".DS_Store"], ["b1", "Thumbs.db"], ["b1", "a.png"]));
  expect(folders.map(({ files }) => names(files))).toEqual([["a.png"]]);
});

test("a single loose file gives its own name", () => {
  expect(sorted(dropped(["", "a.png"])).folders[0]!.name).toBe("a.png");
});
