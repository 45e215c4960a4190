// The results that the page shows: those of this visit at once, the stored ones page by page, newest first.

import { call, withQuery } from "../interface/call";
import type { Classification, ClassificationPage, Decision } from "../interface/types";
import { route } from "../routing/route.svelte";

const DRAWN_AT_ONCE = 200;
const PAGE_ITEMS = 200;
const LOADED_AT_ONCE = 10_000; // results of one reload; `more` loads further ones

export type Shown = { item: Classification; file?: File };
export type Filter = "all" | Decision;

class Results {
  /** Newest first. */
  items = $state.raw<Shown[]>([]);
  filter = $state<Filter>("all");
  drawnCount = $state(DRAWN_AT_ONCE);
  /** Where the stored results go on; null at their end. */
  cursor = $state<string | null>(null);
  isLoading = $state(false);
  private since: string | null = null;

  chosen = $derived(this.items.filter(({ item }) => this.filter === "all" || item.decision === this.filter));
  drawn = $derived(this.chosen.slice(0, this.drawnCount));
  counts = $derived.by(() => {
    const counts: Record<Filter, number> = { all: this.items.length, idc: 0, uncertain: 0, no_idc: 0 };
    for (const { item } of this.items) counts[item.decision] += 1;
    return counts;
  });

  /** Add files that were classified; the address then names the time of the first one, so that a reload shows them. */
  add(classified: Shown[]): void {
    if (classified.length === 0) return;
    this.items = [...classified.toReversed(), ...this.items];
    if (route.query.get("since") !== "now") return;
    this.since = classified.map(({ item }) => item.created_at).sort()[0]!;
    route.replace(withQuery("/patches", { since: this.since }));
  }

  /** Load the stored results since a time, or the newest ones. */
  async load(since: string | null): Promise<void> {
    if (since === "now" || (since !== null && since === this.since)) return; // they are in memory
    this.clear();
    this.since = since;
    do await this.loadPage();
    while (since !== null && this.cursor !== null && this.items.length < LOADED_AT_ONCE);
  }

  choose(filter: Filter): void {
    this.filter = filter;
    this.drawnCount = DRAWN_AT_ONCE;
  }

  async more(): Promise<void> {
    this.drawnCount += DRAWN_AT_ONCE;
    if (this.drawnCount > this.chosen.length && this.cursor !== null) await this.loadPage();
  }

  /** Forget everything: someone else may sign in. */
  clear(): void {
    [this.items, this.cursor, this.since] = [[], null, null];
    this.choose("all");
  }

  private async loadPage(): Promise<void> {
    const own = this.since;
    this.isLoading = true;
    try {
      const query = { limit: PAGE_ITEMS, cursor: this.cursor, created_from: this.since };
      const page = await call<ClassificationPage>(withQuery("/api/v1/classifications", query));
      if (own !== this.since) return;
      const known = new Set(this.items.map(({ item }) => item.id));
      this.items = [...this.items, ...page.items.filter(({ id }) => !known.has(id)).map((item) => ({ item }))];
      this.cursor = page.next_cursor;
    } finally {
      this.isLoading = false;
    }
  }
}

export const results = new Results();
