// One slide with its cells, as the slide view and the review show it.

import { Refused, call, send, withQuery } from "../interface/call";
import type { CellReview, CellToReview, OperatingPoints, Slide, SlideCells, SlideVerdict } from "../interface/types";
import { live } from "../live/live.svelte";
import { slidePath } from "../slides/addresses";
import { answered } from "./answered";
import { beforeReviews, movedPoints } from "./before_reviews";
import { countsOf, decideAll, moved, type Cell, type Cut } from "./cells";
import { wasModelShown } from "./model_shown";
import { hotSpots, problems } from "./places";

const MODEL_CUT: Cut = { logit: 0, low_logit: 0, high_logit: 0 }; // before the slide has one

export class OpenSlide {
  slide = $state.raw<Slide | null>(null);
  private loaded = $state.raw<SlideCells | null>(null);
  private served = $state.raw<OperatingPoints | null>(null);
  reviews = $state.raw<CellReview[]>([]);
  /** Whether others have answered patches that this reader has not. */
  hasSecondReadings = $state(false);
  /** Whether the reader wants to see the reviews before those. */
  isRevealed = $state(false);
  /** Whether answers have moved scores since the cells were loaded. */
  isStale = $state(false);
  /** How far the reader moved the cut, in logits; it changes what the page shows, and no result. */
  shift = $state(0);

  /** Whether the slide is shown as it was before any review: scores that have moved would tell what others answered. */
  hidesReviews = $derived(this.hasSecondReadings && !this.isRevealed);
  /** What the model said before anyone reviewed the slide: a decision follows the answers near it. */
  modelCells = $derived(this.loaded && beforeReviews(this.loaded));
  cells = $derived(this.hidesReviews ? this.modelCells : this.loaded);
  slideCut = $derived((this.hidesReviews ? this.loaded?.model_cut : null) ?? this.slide?.cut ?? null);
  /** Validation sensitivity and specificity of cuts; null until the slide is done. */
  points = $derived(this.served && movedPoints(this.served, (this.slideCut?.moved_by ?? 0) - (this.slide?.cut?.moved_by ?? 0)));
  fitted = $derived<Cut>(this.slideCut ?? MODEL_CUT);
  cut = $derived(moved(this.fitted, this.shift));
  decisions = $derived(this.cells === null ? [] : this.shift === 0 ? this.cells.decision : decideAll(this.cells, this.cut));
  counts = $derived(countsOf(this.decisions));
  hotSpots = $derived(this.cells === null ? [] : hotSpots(this.cells, this.decisions));
  problems = $derived(this.cells === null ? [] : problems(this.cells));
  private index = $derived(new Map(this.cells?.column.map((column, index) => [`${column} ${this.cells!.row[index]}`, index])));

  constructor(readonly id: string) {}

  /** `asReader`: ask first whether second readings wait for whoever looks. */
  async load(asReader = false): Promise<void> {
    const slide = await call<Slide>(slidePath(this.id));
    if (asReader && slide.state === "done") this.hasSecondReadings = await this.asksForSecond();
    this.slide = slide;
    await this.loadCells();
    if (slide.state === "done") this.served = await call<OperatingPoints>(slidePath(this.id, "/operating-points")).catch(withoutFigures);
  }

  async loadCells(): Promise<void> {
    this.isStale = false;
    this.loaded = await call<SlideCells>(slidePath(this.id, "/grid"));
  }

  private async asksForSecond(): Promise<boolean> {
    const path = withQuery(slidePath(this.id, "/next-reviews"), { second: "true", count: 1 });
    return (await call<CellToReview[]>(path)).length > 0;
  }

  /** Ask for the reviews that this reader may see. From then on they know the others' answers to these cells. */
  async loadReviews(): Promise<void> {
    this.reviews = await call<CellReview[]>(slidePath(this.id, "/reviews"));
  }

  /** Load again whenever the gateway says that the slide has changed, one load at a time, until the returned function is called. */
  follow(load: () => Promise<unknown>): () => void {
    let [isLoading, isStale] = [false, false];
    const again = async () => {
      isStale = true;
      if (isLoading) return;
      for (isLoading = true; isStale; ) {
        isStale = false;
        await load();
      }
      isLoading = false;
    };
    const ends = [
      live.on<Slide>("slide", ({ id }) => void (id === this.id && again())),
      live.on("reload", () => void again()),
    ];
    return () => ends.forEach((end) => end());
  }

  /** The place of a cell in the lists of `cells`; undefined where it was not screened. */
  indexOf({ column, row }: Cell): number | undefined {
    return this.index.get(`${column} ${row}`);
  }

  /** Record one answer for some cells; the slide's cut may move, and the scores of the cells around. */
  async review(cells: readonly Cell[], verdict: SlideVerdict, reviewer: string, comment: string | null): Promise<void> {
    const model_shown = cells.some((cell) => wasModelShown(this.id, cell, reviewer));
    const given = { verdict, model_shown, ...(comment === null ? {} : { comment }) };
    const [cell] = cells;
    this.slide =
      cells.length === 1 && cell
        ? await send<Slide>(this.reviewPath(cell), "PUT", given)
        : await send<Slide>(slidePath(this.id, "/reviews"), "POST", { ...given, cells: cells.map(({ column, row }) => [column, row]) });
    this.isStale = true;
    for (const { column, row } of cells) {
      const known = this.reviews.filter((review) => review.column === column && review.row === row);
      const before = known.find((review) => review.reviewer === reviewer);
      const isBlind = known.every((review) => review === before);
      const review = answered(before, { column, row, verdict, reviewer, comment, model_shown }, isBlind);
      this.reviews = [...this.others({ column, row }, reviewer), review];
    }
  }

  async withdraw(cell: Cell, reviewer: string): Promise<void> {
    const answer = await call<Slide | null>(this.reviewPath(cell), { method: "DELETE" });
    if (answer !== null) this.slide = answer;
    this.isStale = true;
    this.reviews = this.others(cell, reviewer);
  }

  private others({ column, row }: Cell, reviewer: string): CellReview[] {
    return this.reviews.filter((review) => review.column !== column || review.row !== row || review.reviewer !== reviewer);
  }

  private reviewPath({ column, row }: Cell): string {
    return slidePath(this.id, `/reviews/${column}/${row}`);
  }
}

/** The view is of use without the figures: an older slides service has none. */
function withoutFigures(error: unknown): null {
  if (error instanceof Refused) return null;
  throw error;
}
