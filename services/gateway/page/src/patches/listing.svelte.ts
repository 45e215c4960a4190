// Stored results of a folder or of all, of one decision or of any, newest first, as far as they are loaded.

import { call, withQuery } from "../interface/call";
import type { Classification, ClassificationPage, Decision } from "../interface/types";

const PAGE_ITEMS = 200;
const FOLDER_PAGE_ITEMS = 1000;

export class Listing {
  items = $state.raw<Classification[]>([]);
  /** Where the stored results go on; null at their end. */
  cursor = $state<string | null>(null);
  isLoading = $state(false);
  private readonly deleted = new Set<string | null>();

  constructor(
    private readonly folder: string | null = null,
    private readonly decision: Decision | null = null,
  ) {}

  /** Load the next page. Throws what `call` throws. */
  async load(): Promise<void> {
    this.isLoading = true;
    try {
      const limit = this.folder === null ? PAGE_ITEMS : FOLDER_PAGE_ITEMS;
      const query = { limit, cursor: this.cursor, folder: this.folder, decision: this.decision };
      const page = await call<ClassificationPage>(withQuery("/api/v1/classifications", query));
      this.items = [...this.items, ...this.unknown(page.items)];
      this.cursor = page.next_cursor;
    } finally {
      this.isLoading = false;
    }
  }

  /** Put new results first; gives those that were not there yet. */
  add(found: Classification[]): Classification[] {
    const fresh = this.unknown(found.filter(({ decision }) => this.decision === null || decision === this.decision));
    this.items = [...fresh, ...this.items];
    return fresh;
  }

  /** Take out those of a folder that was deleted, also of a page that is on its way. */
  remove(folder: string): void {
    this.deleted.add(folder);
    this.items = this.items.filter((item) => item.folder !== folder);
  }

  private unknown(found: Classification[]): Classification[] {
    const known = new Set(this.items.map(({ id }) => id));
    return found.filter(({ id, folder }) => !known.has(id) && !this.deleted.has(folder));
  }
}
