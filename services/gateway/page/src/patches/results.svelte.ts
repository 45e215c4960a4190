// The results that the page shows: those of a folder, or all of them page by page, newest first.

import { call, withQuery } from "../interface/call";
import type { Classification, ClassificationPage, Decision, Folder } from "../interface/types";

const DRAWN_AT_ONCE = 200;
const PAGE_ITEMS = 200;
const FOLDER_PAGE_ITEMS = 1000;
const LOADED_AT_ONCE = 10_000; // results of one folder; `more` loads further ones

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
  /** Whether the folder that is shown was deleted. */
  isGone = $state(false);
  /** The folder whose results these are; null for those of all folders and none. */
  folder = $state.raw<Folder | null>(null);
  private folderId: string | null = null;
  private files = new Map<string, File>(); // of this visit, by the results' ids: what the browser has need not be fetched

  chosen = $derived(this.items.filter(({ item }) => this.filter === "all" || item.decision === this.filter));
  drawn = $derived(this.chosen.slice(0, this.drawnCount));
  counts = $derived.by(() => {
    const counts: Record<Filter, number> = { all: this.items.length, idc: 0, uncertain: 0, no_idc: 0 };
    for (const { item } of this.items) counts[item.decision] += 1;
    return counts;
  });

  /** Add files of a folder that were classified, where that folder is shown. */
  add(folder: string, classified: Required<Shown>[]): void {
    for (const { item, file } of classified) this.files.set(item.id, file);
    if (this.folderId !== null && this.folderId !== folder) return;
    this.insert(classified.toReversed(), true);
  }

  /** Show a folder that has no results yet. */
  begin(folder: string | null): void {
    [this.items, this.cursor, this.folder, this.folderId, this.isGone] = [[], null, null, folder, false];
    this.choose("all");
  }

  /** Load the stored results of a folder, or the newest ones of all. */
  async load(folder: string | null): Promise<void> {
    this.begin(folder);
    if (folder !== null) this.take(await call<Folder>(`/api/v1/folders/${folder}`));
    do await this.loadPage();
    while (folder !== null && folder === this.folderId && this.cursor !== null && this.items.length < LOADED_AT_ONCE);
  }

  choose(filter: Filter): void {
    this.filter = filter;
    this.drawnCount = DRAWN_AT_ONCE;
  }

  async more(): Promise<void> {
    this.drawnCount += DRAWN_AT_ONCE;
    if (this.drawnCount > this.chosen.length && this.cursor !== null) await this.loadPage();
  }

  /** A folder has changed. */
  take(folder: Folder): void {
    if (folder.id === this.folderId) this.folder = folder;
  }

  /** A folder was deleted, and its results with it. */
  remove(folder: string): void {
    this.items = this.items.filter(({ item }) => item.folder !== folder);
    if (folder === this.folderId) [this.folder, this.cursor, this.isGone] = [null, null, true];
  }

  /** Forget everything: someone else may sign in. */
  clear(): void {
    this.begin(null);
    this.files.clear();
  }

  private async loadPage(): Promise<void> {
    const own = this.folderId;
    this.isLoading = true;
    try {
      const query = { limit: own === null ? PAGE_ITEMS : FOLDER_PAGE_ITEMS, cursor: this.cursor, folder: own };
      const page = await call<ClassificationPage>(withQuery("/api/v1/classifications", query));
      if (own !== this.folderId) return;
      this.insert(page.items.map((item) => ({ item, file: this.files.get(item.id) })), false);
      this.cursor = page.next_cursor;
    } finally {
      if (own === this.folderId) this.isLoading = false;
    }
  }

  private insert(found: Shown[], first: boolean): void {
    const known = new Set(this.items.map(({ item }) => item.id));
    const fresh = found.filter(({ item }) => !known.has(item.id));
    this.items = first ? [...fresh, ...this.items] : [...this.items, ...fresh];
  }
}

export const results = new Results();
