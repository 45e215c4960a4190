// One slide with its cells, as the slide view and the review show it.

import { call, send } from "../interface/call";
import type { CellReview, Slide, SlideCells, SlideVerdict } from "../interface/types";
import { slidePath } from "../slides/addresses";
import { isMoving } from "../slides/list.svelte";
import { countsOf, decideAll, hotSpots, moved, type Cell, type Cut } from "./cells";

const PERIOD_MS = 3000;
const MODEL_CUT: Cut = { low_logit: 0, high_logit: 0 }; // before the slide has one

export class OpenSlide {
  slide = $state.raw<Slide | null>(null);
  cells = $state.raw<SlideCells | null>(null);
  reviews = $state.raw<CellReview[]>([]);
  /** How far the reader moved the cut, in logits; it changes what the page shows, and no result. */
  shift = $state(0);

  fitted = $derived<Cut>(this.slide?.cut ?? MODEL_CUT);
  cut = $derived(moved(this.fitted, this.shift));
  decisions = $derived(this.cells === null ? [] : this.shift === 0 ? this.cells.decision : decideAll(this.cells, this.cut));
  counts = $derived(countsOf(this.decisions));
  hotSpots = $derived(this.cells === null ? [] : hotSpots(this.cells, this.decisions));
  private index = $derived(new Map(this.cells?.column.map((column, index) => [`${column} ${this.cells!.row[index]}`, index])));

  constructor(readonly id: string) {}

  async load(mayReview: boolean): Promise<void> {
    this.slide = await call<Slide>(slidePath(this.id));
    this.cells = await call<SlideCells>(slidePath(this.id, "/grid"));
    if (mayReview) this.reviews = await call<CellReview[]>(slidePath(this.id, "/reviews"));
  }

  /** Ask again while the slide is on its way, until the returned function is called. */
  follow(load: () => void): () => void {
    const timer = setInterval(() => {
      if (this.slide !== null && isMoving(this.slide)) load();
    }, PERIOD_MS);
    return () => clearInterval(timer);
  }

  /** The place of a cell in the lists of `cells`; undefined where it was not screened. */
  indexOf({ column, row }: Cell): number | undefined {
    return this.index.get(`${column} ${row}`);
  }

  /** Record a review; the slide's cut may move. */
  async review(cell: Cell, verdict: SlideVerdict, reviewer: string): Promise<void> {
    this.slide = await send<Slide>(this.reviewPath(cell), "PUT", { verdict });
    const review = { ...cell, verdict, reviewer, reviewed_at: new Date().toISOString(), comment: null };
    this.reviews = [...this.others(cell, reviewer), review];
  }

  async withdraw(cell: Cell, reviewer: string): Promise<void> {
    const answer = await call<Slide | null>(this.reviewPath(cell), { method: "DELETE" });
    if (answer !== null) this.slide = answer;
    this.reviews = this.others(cell, reviewer);
  }

  private others({ column, row }: Cell, reviewer: string): CellReview[] {
    return this.reviews.filter((review) => review.column !== column || review.row !== row || review.reviewer !== reviewer);
  }

  private reviewPath({ column, row }: Cell): string {
    return slidePath(this.id, `/reviews/${column}/${row}`);
  }
}
