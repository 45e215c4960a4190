// The cells that a reader goes through, and what they answered.

import { call, withQuery } from "../interface/call";
import type { CellToReview, SlideVerdict } from "../interface/types";
import type { OpenSlide } from "../slide/open_slide.svelte";
import { slidePath } from "../slides/addresses";

const BATCH = 20;

export type Entry = CellToReview & { verdict: SlideVerdict | null };

export class ReviewQueue {
  entries = $state<Entry[]>([]);
  place = $state(0);
  isSaving = $state(false);
  hasAnswer = $state(false);
  /** The cut when the review began, in logits. */
  startedAt: number | null = $state(null);
  private answered: Entry[] = []; // in the order of the answers, for undo

  constructor(
    readonly open: OpenSlide,
    readonly reviewer: string,
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
    const path = withQuery(slidePath(this.open.id, "/next-reviews"), { count: BATCH });
    const known = new Set(this.entries.map(({ column, row }) => `${column} ${row}`));
    const next = (await call<CellToReview[]>(path)).filter(({ column, row }) => !known.has(`${column} ${row}`));
    this.entries.push(...next.map((cell) => ({ ...cell, verdict: null })));
    this.hasAnswer = true;
  }

  step(by: number): void {
    this.place = Math.min(this.entries.length, Math.max(0, this.place + by));
  }

  /** Save an answer for the current cell; the next one is shown when it is saved. */
  async answer(verdict: SlideVerdict): Promise<void> {
    const entry = this.current;
    if (entry === undefined || this.isSaving) return;
    await this.saving(async () => {
      await this.open.review({ column: entry.column, row: entry.row }, verdict, this.reviewer);
      entry.verdict = verdict;
      this.answered.push(entry);
    });
  }

  /** Take back the last answer and show its cell again. */
  async undo(): Promise<void> {
    const entry = this.answered.at(-1);
    if (entry === undefined || this.isSaving) return;
    await this.saving(async () => {
      await this.open.withdraw({ column: entry.column, row: entry.row }, this.reviewer);
      this.answered.pop();
      entry.verdict = null;
      this.place = this.entries.indexOf(entry);
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
