// The cells that a reader goes through, and what they answered.

import { call, withQuery } from "../interface/call";
import type { CellToReview, SlideVerdict } from "../interface/types";
import type { Cell } from "../slide/cells";
import type { OpenSlide } from "../slide/open_slide.svelte";
import { slidePath } from "../slides/addresses";
import { disagreements } from "./agreement";
import { extended, keyOf, range, toggled } from "./selection";

const BATCH = 20;

/** First readings, second readings of what others answered, or what readers disagree on. */
export type Mode = "first" | "second" | "compare";
export type Entry = Cell & { chosen: CellToReview["chosen"] | null; verdict: SlideVerdict | null };

export class ReviewQueue {
  entries = $state<Entry[]>([]);
  place = $state(0);
  /** Places that the next answer is for, beside the current one; rising. */
  selected = $state.raw<number[]>([]);
  isSaving = $state(false);
  hasAnswer = $state(false);
  /** The cut when the review began, in logits. */
  startedAt: number | null = $state(null);
  private answered: Entry[][] = []; // in the order of the answers, for undo
  private anchor = 0;

  constructor(
    readonly open: OpenSlide,
    readonly reviewer: string,
    readonly mode: Mode,
  ) {}

  get current(): Entry | undefined {
    return this.entries[this.place];
  }

  get done(): number {
    return this.entries.filter(({ verdict }) => verdict !== null).length;
  }

  /** Ask for the next cells. */
  async load(): Promise<void> {
    this.startedAt ??= this.open.slide?.cut?.logit ?? null;
    const known = new Set(this.entries.map(keyOf));
    const next = this.mode === "compare" ? await this.differing() : await this.asked(this.mode === "second");
    this.entries.push(...next.filter((entry) => !known.has(keyOf(entry))));
    this.hasAnswer = true;
  }

  /** Show another entry; the selection ends. */
  step(by: number): void {
    this.go(Math.min(this.entries.length, Math.max(0, this.place + by)));
  }

  go(place: number): void {
    this.place = this.anchor = place;
    this.selected = [];
  }

  /** Select from the place where the selection began to this one. */
  selectTo(place: number): void {
    if (this.entries[place] === undefined) return;
    this.selected = range(this.anchor, place);
    this.place = place;
  }

  /** Select one more or one less by keyboard. */
  extend(by: number): void {
    this.selectTo(extended(this.place, by, this.entries.length));
  }

  toggle(place: number): void {
    this.selected = toggled(this.selected.length === 0 ? [this.place] : this.selected, place);
    this.place = this.anchor = place;
  }

  /** Save an answer for the current entry, or for all selected ones at once. */
  async answer(verdict: SlideVerdict, comment: string): Promise<void> {
    const entries = this.selected.length > 0 ? this.selected.map((place) => this.entries[place]!) : [this.current].filter((entry) => entry !== undefined);
    if (entries.length === 0 || this.isSaving) return;
    await this.saving(async () => {
      await this.open.review(entries, verdict, this.reviewer, comment.trim() || null);
      for (const entry of entries) entry.verdict = verdict;
      this.answered.push(entries);
      this.selected = [];
    });
  }

  get canUndo(): boolean {
    return this.mode !== "compare" && this.done > 0;
  }

  /** Take back the last answer, of one cell or of several, and show its first cell again. */
  async undo(): Promise<void> {
    const entries = this.answered.at(-1);
    if (entries === undefined || this.isSaving || !this.canUndo) return;
    await this.saving(async () => {
      while (entries.length > 0) {
        const entry = entries.at(-1)!;
        await this.open.withdraw({ column: entry.column, row: entry.row }, this.reviewer);
        entry.verdict = null;
        this.go(this.entries.indexOf(entry));
        entries.pop();
      }
      this.answered.pop();
    });
  }

  private async asked(second: boolean): Promise<Entry[]> {
    const path = withQuery(slidePath(this.open.id, "/next-reviews"), { count: BATCH, ...(second ? { second: "true" } : {}) });
    return (await call<CellToReview[]>(path)).map(({ column, row, chosen }) => ({ column, row, chosen, verdict: null }));
  }

  /** What this reader and others answered differently. */
  private async differing(): Promise<Entry[]> {
    await this.open.loadReviews();
    return disagreements(this.open.reviews).map((group) => {
      const { column, row } = group[0]!;
      return { column, row, chosen: null, verdict: group.find(({ reviewer }) => reviewer === this.reviewer)?.verdict ?? null };
    });
  }

  private async saving(task: () => Promise<void>): Promise<void> {
    this.isSaving = true;
    try {
      await task();
    } finally {
      this.isSaving = false;
    }
  }
}
