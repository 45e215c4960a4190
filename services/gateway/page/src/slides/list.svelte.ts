// The work list: slides as the gateway lists them, newest first, and asked for again while one of them is on its way.

import { Refused, call, send, withQuery } from "../interface/call";
import type { Slide, SlidePage, SlideState } from "../interface/types";
import { slidePath, slidesPath } from "./addresses";

const PAGE_ITEMS = 100;
const LARGEST_PAGE = 200;
const PERIOD_MS = 2000;

export function isMoving({ state }: Slide): boolean {
  return state === "waiting" || state === "running";
}

class SlideList {
  items = $state.raw<Slide[]>([]);
  total = $state(0);
  search = $state("");
  state = $state<SlideState | "">("");
  hasAnswer = $state(false);
  /** Whether the gateway has no slides service: it then shows patches only. */
  isOff = $state(false);
  private cursor: string | null = null;

  /** Ask for the first page, or for as many slides as are shown. */
  async load(): Promise<void> {
    const wanted = Math.min(LARGEST_PAGE, Math.max(PAGE_ITEMS, this.items.length));
    const [search, state] = [this.search, this.state];
    const page = await this.ask({ search, state, limit: wanted });
    if (page === null || search !== this.search || state !== this.state) return; // a later question was asked meanwhile
    this.take(page, []);
  }

  async more(): Promise<void> {
    const query = { search: this.search, state: this.state, limit: PAGE_ITEMS, cursor: this.cursor };
    this.take(await call<SlidePage>(withQuery(slidesPath, query)), this.items);
  }

  /** Ask again while a slide is on its way, until the returned function is called. */
  follow(onFailure: (error: unknown) => void): () => void {
    const timer = setInterval(() => {
      if (this.items.some(isMoving)) void this.load().catch(onFailure);
    }, PERIOD_MS);
    return () => clearInterval(timer);
  }

  async stateScale(id: string, um_per_px: number): Promise<void> {
    await send(slidePath(id), "PATCH", { um_per_px });
    await this.load();
  }

  async cancel(id: string): Promise<void> {
    await call(slidePath(id, "/cancel"), { method: "POST" });
    await this.load();
  }

  async remove(id: string): Promise<void> {
    await call(slidePath(id), { method: "DELETE" });
    await this.load();
  }

  /** Forget everything: someone else may sign in. */
  clear(): void {
    [this.items, this.total, this.cursor, this.hasAnswer] = [[], 0, null, false];
    [this.search, this.state] = ["", ""];
  }

  private async ask(query: Record<string, string | number>): Promise<SlidePage | null> {
    try {
      return await call<SlidePage>(withQuery(slidesPath, query));
    } catch (error) {
      this.isOff = error instanceof Refused && Boolean(error.problem.type?.endsWith(":no-slides-service"));
      if (!this.isOff) throw error;
      this.hasAnswer = true;
      return null;
    }
  }

  private take(page: SlidePage, before: Slide[]): void {
    this.items = [...before, ...page.items];
    this.total = page.total;
    this.cursor = page.next_cursor ?? null;
    this.hasAnswer = true;
  }
}

export const slides = new SlideList();
