// The results that the page shows: those of a folder, or all of them page by page, newest first.

import { call } from "../interface/call";
import type { Classification, ClassificationCounts, Decision, Folder } from "../interface/types";
import { Listing } from "./listing.svelte";

const DRAWN_AT_ONCE = 200;
const LOADED_AT_ONCE = 10_000; // results of one folder; `more` loads further ones

export type Shown = { item: Classification; file?: File | undefined };
export type Filter = "all" | Decision;

class Results {
  filter = $state<Filter>("all");
  /** Whether the folder that is shown was deleted. */
  isGone = $state(false);
  /** The folder whose results these are; null for those of all folders and none. */
  folder = $state.raw<Folder | null>(null);
  private folderId: string | null = null;
  private drawnCount = $state(DRAWN_AT_ONCE);
  private all = $state.raw(new Listing());
  /** Those of the chosen decision, where not all results are loaded. */
  private some = $state.raw<Listing | null>(null);
  private stored = $state.raw<ClassificationCounts | null>(null); // of all folders and none
  private files = new Map<string, File>(); // of this visit, by the results' ids: what the browser has need not be fetched

  private readonly listing = $derived(this.some ?? this.all);
  private readonly chosen = $derived(this.listing.items.filter(({ decision }) => this.filter === "all" || decision === this.filter));
  drawn: Shown[] = $derived(this.chosen.slice(0, this.drawnCount).map((item) => ({ item, file: this.files.get(item.id) })));
  /** How many are stored, loaded or not; null until the gateway has said so. */
  counts = $derived.by(() => {
    const told = this.folder?.counts ?? this.stored;
    if (told === null && !this.isWhole) return null;
    const counts: Record<Filter, number> = { all: 0, idc: 0, uncertain: 0, no_idc: 0 };
    for (const { decision } of this.all.items) counts[decision] += 1;
    for (const decision of ["idc", "uncertain", "no_idc"] as const) {
      counts[decision] = Math.max(counts[decision], told?.[decision] ?? 0); // while patches come in, the gateway's lag behind
      counts.all += counts[decision];
    }
    return counts;
  });

  /** Whether all results are loaded. */
  get isWhole(): boolean {
    return this.all.cursor === null;
  }

  /** Whatever their decision, as far as they are loaded: newest first. */
  get loaded(): Classification[] {
    return this.all.items;
  }

  get isLoading(): boolean {
    return this.listing.isLoading;
  }

  /** Whether more can be drawn. */
  get goesOn(): boolean {
    return this.drawnCount < this.chosen.length || this.listing.cursor !== null;
  }

  /** Add files of a folder that were classified, where that folder is shown. */
  add(folder: string, classified: Required<Shown>[]): void {
    for (const { item, file } of classified) if (file) this.files.set(item.id, file);
    if (this.folderId !== null && this.folderId !== folder) return;
    const items = classified.map(({ item }) => item).toReversed();
    const fresh = this.all.add(items);
    this.some?.add(items);
    if (this.stored === null) return;
    const stored = { ...this.stored };
    for (const { decision } of fresh) stored[decision] += 1;
    this.stored = stored;
  }

  /** Show a folder that has no results yet. */
  begin(folder: string | null): void {
    [this.all, this.stored, this.folder, this.folderId, this.isGone] = [new Listing(folder), null, null, folder, false];
    this.show("all", null);
  }

  /** Load the stored results of a folder, or the newest ones of all. */
  async load(folder: string | null): Promise<void> {
    this.begin(folder);
    const { all } = this;
    await Promise.all([this.loadPages(all, folder), folder === null ? this.count(all) : this.ask(folder)]);
  }

  /** Show those of one decision; what is not loaded yet is asked for. */
  async choose(filter: Filter): Promise<void> {
    this.show(filter, filter === "all" || this.isWhole ? null : new Listing(this.folderId, filter));
    await this.some?.load();
  }

  async more(): Promise<void> {
    this.drawnCount += DRAWN_AT_ONCE;
    if (this.drawnCount > this.chosen.length && this.listing.cursor !== null) await this.listing.load();
  }

  /** A folder has changed. */
  take(folder: Folder): void {
    if (folder.id === this.folderId && !this.isGone) this.folder = folder;
  }

  /** A folder was deleted, and its results with it. */
  remove(folder: string): void {
    for (const listing of [this.all, this.some]) listing?.remove(folder);
    if (folder === this.folderId) [this.all, this.some, this.folder, this.isGone] = [new Listing(), null, null, true];
    else if (this.stored !== null) void this.count(this.all).catch(() => null); // the next load counts again
  }

  /** Forget everything: someone else may sign in. */
  clear(): void {
    this.begin(null);
    this.files.clear();
  }

  private show(filter: Filter, some: Listing | null): void {
    [this.filter, this.some, this.drawnCount] = [filter, some, DRAWN_AT_ONCE];
  }

  private async loadPages(all: Listing, folder: string | null): Promise<void> {
    do await all.load();
    while (folder !== null && all === this.all && all.cursor !== null && all.items.length < LOADED_AT_ONCE);
  }

  private async count(all: Listing): Promise<void> {
    const stored = await call<ClassificationCounts>("/api/v1/classifications/counts");
    if (all === this.all) this.stored = stored;
  }

  private async ask(folder: string): Promise<void> {
    const found = await call<Folder>(`/api/v1/folders/${folder}`);
    if (this.folder === null) this.take(found); // what was told meanwhile is newer
  }
}

export const results = new Results();
