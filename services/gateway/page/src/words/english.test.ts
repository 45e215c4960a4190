import { afterEach, expect, test } from "vitest";

import { english, pieces } from "./english";
import { language } from "./words.svelte";

afterEach(() => language.choose("en"));

test("a German page marks the gateway's own words, also within a sentence", () => {
  language.choose("de");
  english("the disk is full");

  expect(pieces("Nicht gesendet: the disk is full.")).toEqual([
    { text: "Nicht gesendet: ", isEnglish: false },
    { text: "the disk is full", isEnglish: true },
    { text: ".", isEnglish: false },
  ]);
  expect(pieces("Wird geladen …")).toEqual([{ text: "Wird geladen …", isEnglish: false }]);
});

test("an English page marks nothing", () => {
  expect(pieces(english("the disk is full"))).toEqual([{ text: "the disk is full", isEnglish: false }]);
});
