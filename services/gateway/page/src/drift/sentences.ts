// What has moved, in sentences, and what to do about it.

import type { MeasureItem, PatchMeasure, PatchStatistics, SlideStatistics } from "../interface/types";
import { decimal, number, percent } from "../words/format";
import type { Words } from "../words/en";

type DriftWords = Words["drift"];

const PLACES: Record<PatchMeasure, number> = { probability: 2, uncertain: 1, unfamiliar: 1, stain_density: 3, stain_hue_deg: 0, sharpness: 2 };
const IS_SHARE: Partial<Record<PatchMeasure, boolean>> = { uncertain: true, unfamiliar: true };

/** A value of a measure in its unit. */
export function valueOf(measure: PatchMeasure, value: number | null | undefined): string {
  if (value == null) return "–";
  if (IS_SHARE[measure]) return percent(value, PLACES[measure]);
  const text = decimal(value, PLACES[measure]);
  return measure === "stain_hue_deg" ? `${text}°` : text;
}

/** Where the value of unchanged patches is expected; no share is less than nothing or more than all. */
export function expected(item: MeasureItem, w: DriftWords): string {
  if (item.low == null || item.high == null) return "–";
  const most = item.measure === "probability" || IS_SHARE[item.measure] ? 1 : Infinity;
  return w.range(valueOf(item.measure, Math.max(0, item.low)), valueOf(item.measure, Math.min(most, item.high)));
}

export type Sentence = { measure: PatchMeasure; text: string; advice: string };

/** What is compared with the training: loose patches, or the patches of whole slides. */
export type Group = {
  kind: "patches" | "slides";
  /** Patches. */
  count: number;
  hasReference: boolean;
  measures: readonly MeasureItem[];
  shares: number[] | null;
};

export function ofPatches({ patches, has_reference, measures, probability_shares }: PatchStatistics): Group {
  return { kind: "patches", count: patches, hasReference: has_reference, measures, shares: probability_shares };
}

export function ofSlides({ has_reference }: PatchStatistics, slides: SlideStatistics): Group {
  return { kind: "slides", count: slides.patches, hasReference: has_reference, measures: slides.measures, shares: slides.probability_shares };
}

/** A sentence for each measure that moved. */
export function moved({ kind, measures }: Group, w: DriftWords): Sentence[] {
  return measures.flatMap((item) => {
    if (item.shift !== "higher" && item.shift !== "lower") return [];
    const text = w.moved(
      number(item.patches),
      w[kind].of(item.patients, number(item.patients)),
      w.subject[item.measure],
      w.direction[item.measure][item.shift],
      valueOf(item.measure, item.value),
      expected(item, w),
    );
    const advice = (kind === "slides" ? w.adviceOfSlides[item.measure]?.[item.shift] : undefined) ?? w.advice[item.measure][item.shift];
    return [{ measure: item.measure, text, advice }];
  });
}

/** What can be said of all measures of a group together. */
export function verdict({ count, hasReference, measures }: Group): "empty" | "no-reference" | "unknown" | "moved" | "same" {
  if (count === 0) return "empty";
  if (!hasReference) return "no-reference";
  if (measures.some(({ shift }) => shift === "higher" || shift === "lower")) return "moved";
  return measures.every(({ shift }) => shift === "unknown") ? "unknown" : "same";
}
