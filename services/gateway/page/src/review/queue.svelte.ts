// The cells that a reader goes through, and what they answered.

import { Refused, call, withQuery } from "../interface/call";
import type { CellToReview, SlideVerdict } from "../interface/types";
import type { Cell } from "../slide/cells";
import type { OpenSlide } from "../slide/open_slide.svelte";
import { slidePath } from "../slides/addresses";
import { disagreements } from "./agreement";
import { Answer, saving } from "./answers.svelte";
import { extended, keyOf, range, toggled } from "./selection";

const BATCH = 20;

/** First readings, second readings of what others answered, or what readers disagree on. */
export const MODES = ["first", "second", "compare"] as const;
export type Mode = (typeof MODES)[number];
export type Entry = Cell & { chosen: CellToReview["chosen"] | null; answer: Answer | null };
type Given = { entries: Entry[]; answer: Answer; before: (Answer | null)[] };

export class ReviewQueue {
  entries = $state<Entry[]>([]);
  place = $state(0);
  /** Places that the next answer is for, beside the current one; rising. */
  selected = $state.raw<number[]>([]);
  hasAnswer = $state(false);
  /** The cut when the review began, in logits. */
  startedAt: number | null = $state(null);
  private given = $state.raw<Given[]>([]); // in the order of the answers, for undo
  private anchor = 0;

  constructor(
    public open: OpenSlide,
    readonly reviewer: string,
    /** `map`: the reader chooses each cell on the map. */
    readonly mode: Mode | "map",
  ) {}

  get current(): Entry | undefined {
    return this.entries[this.place];
  }

  get done(): number {
    return this.entries.filter(({ answer }) => answer !== null && answer.state !== "failed").length;
  }

  /** Entries whose answer could not be saved. */
  get unsaved(): Entry[] {
    return this.entries.filter(({ answer }) => answer?.state === "failed");
  }

  /** Ask for the next cells, once all answers before are saved. */
  async load(): Promise<void> {
    await saving.through();
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

  /**
   * Answer the current entry, or all selected ones at once.
   *
   * The answer counts at once and is saved after those before it; the reader goes on meanwhile. Throws where it cannot be
   * saved: its entries are then in `unsaved`.
   */
  async answer(verdict: SlideVerdict, comment: string): Promise<void> {
    const entries = this.selected.length > 0 ? this.selected.map((place) => this.entries[place]!) : [this.current].filter((entry) => entry !== undefined);
    if (entries.length === 0) return;
    const answer = new Answer(verdict, comment.trim() || null);
    this.given = [...this.given, { entries, answer, before: entries.map((entry) => entry.answer) }];
    for (const entry of entries) entry.answer = answer;
    this.selected = [];
    await this.save(entries, answer);
  }

  /** Send once more what could not be saved; throws the first failure. */
  async saveAgain(): Promise<void> {
    const groups = Map.groupBy(this.unsaved, ({ answer }) => answer!);
    await Promise.all([...groups].map(([answer, entries]) => this.save(entries, answer)));
  }

  get canUndo(): boolean {
    return this.mode !== "compare" && this.given.length > 0;
  }

  /**
   * Take back the last answer, of one cell or of several, and show its first cell again; an answer before it counts again.
   *
   * Throws where the slides service does not let it: what could not be taken back counts as before.
   */
  async undo(): Promise<void> {
    const last = this.given.at(-1);
    if (last === undefined || !this.canUndo) return;
    this.given = this.given.slice(0, -1);
    last.entries.forEach((entry, place) => (entry.answer = last.before[place]!));
    this.go(this.entries.indexOf(last.entries[0]!));
    const place = this.given.length;
    await this.inOrder(() => this.takeBack(last, place));
  }

  /** Take back what the reader answered for a cell; throws where the slides service does not let it. */
  async withdraw(cell: Cell): Promise<void> {
    for (const entry of this.entries) if (keyOf(entry) === keyOf(cell)) entry.answer = null;
    await this.inOrder(() => this.remove(cell));
  }

  /** Save after what was given before; until all is saved, the queue is kept for its reader. */
  private async inOrder(task: () => Promise<void>): Promise<void> {
    const name = nameOf(this.open, this.reviewer, this.mode);
    unfinished.set(name, this);
    try {
      await saving.run(task);
    } finally {
      if (saving.waiting === 0 && this.unsaved.length === 0) unfinished.delete(name);
    }
  }

  private async save(entries: Entry[], answer: Answer): Promise<void> {
    answer.state = "saving";
    await this.inOrder(() => answer.save(() => this.open.review(entries, answer.verdict, this.reviewer, answer.comment)));
  }

  private async takeBack({ entries, answer, before }: Given, given: number): Promise<void> {
    for (const [place, entry] of entries.entries()) {
      try {
        await this.restore(entry, before[place]!);
      } catch (error) {
        const [left, earlier] = [entries.slice(place), before.slice(place)];
        left.forEach((kept, step) => kept.answer === earlier[step] && (kept.answer = answer));
        this.given = this.given.toSpliced(given, 0, { entries: left, answer, before: earlier });
        throw error;
      }
    }
  }

  private async restore({ column, row }: Entry, before: Answer | null): Promise<void> {
    if (before !== null) return before.save(() => this.open.review([{ column, row }], before.verdict, this.reviewer, before.comment));
    await this.remove({ column, row });
  }

  private async remove(cell: Cell): Promise<void> {
    try {
      await this.open.withdraw(cell, this.reviewer);
    } catch (error) {
      // an answer that was not saved need not be taken back
      if (!(error instanceof Refused) || error.status !== 404) throw error;
    }
  }

  private async asked(second: boolean): Promise<Entry[]> {
    const path = withQuery(slidePath(this.open.id, "/next-reviews"), { count: BATCH, ...(second ? { second: "true" } : {}) });
    return (await call<CellToReview[]>(path)).map(({ column, row, chosen }) => ({ column, row, chosen, answer: null }));
  }

  /** What this reader and others answered differently. */
  private async differing(): Promise<Entry[]> {
    await this.open.loadReviews();
    return disagreements(this.open.reviews).map((group) => {
      const { column, row } = group[0]!;
      const own = group.find(({ reviewer }) => reviewer === this.reviewer);
      return { column, row, chosen: null, answer: own ? new Answer(own.verdict, own.comment, true) : null };
    });
  }
}

/** Queues with answers that are not saved yet. */
const unfinished = new Map<string, ReviewQueue>();

const nameOf = (open: OpenSlide, reviewer: string, mode: ReviewQueue["mode"]) => [open.id, reviewer, mode].join(" ");

/** The queue of a reader: the one that they left with unsaved answers, or a new one. */
export function queueOf(open: OpenSlide, reviewer: string, mode: ReviewQueue["mode"]): ReviewQueue {
  const left = unfinished.get(nameOf(open, reviewer, mode));
  if (left === undefined) return new ReviewQueue(open, reviewer, mode);
  left.open = open;
  return left;
}

// Leaving the page would lose the answers: the browser asks first.
addEventListener("beforeunload", (event) => {
  if (unfinished.size > 0) event.preventDefault();
});
