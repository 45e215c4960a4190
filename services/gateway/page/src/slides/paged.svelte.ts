// One kind of the work list's things, loaded page by page, newest first, and kept up to date.

import { call, withQuery } from "../interface/call";

type Thing = { id: string; received_at: string };
type Page<T> = { items: readonly T[]; next_cursor?: string | null; total: number };

const PAGE_ITEMS = 100;
const LARGEST_PAGE = 200;

export class Paged<T extends Thing> {
  items = $state.raw<T[]>([]);
  total = $state(0);
  /** Whether more can be loaded. */
  goesOn = $state(false);
  private cursor: string | null = null;
  private question = 0;
  private loading: Promise<void> = Promise.resolve();
  /** Changes since the last load began, null for removed things: newer than pages that were requested before. */
  private readonly newer = new Map<string, T | null>();

  constructor(private readonly path: string) {}

  /** The moment before which some may not be loaded yet; null where all are. */
  get from(): string | null {
    return this.goesOn ? (this.items.at(-1)?.received_at ?? null) : null;
  }

  /** Load the first page, or as many as are there already. */
  load(search: string): Promise<void> {
    return (this.loading = this.loadAgain(search, ++this.question));
  }

  private async loadAgain(search: string, own: number): Promise<void> {
    this.newer.clear();
    const wanted = Math.max(PAGE_ITEMS, this.items.length);
    let found: T[] = [];
    let cursor: string | null = null;
    let page: Page<T>;
    do {
      page = await this.ask(search, Math.min(LARGEST_PAGE, wanted - found.length), cursor);
      if (own !== this.question) return; // a later question was asked meanwhile
      found = [...found, ...page.items];
      cursor = page.next_cursor ?? null;
    } while (found.length < wanted && cursor !== null);
    this.keep(found, page.total, cursor);
  }

  async more(search: string): Promise<void> {
    await this.loading.catch(() => null); // whoever asked for it shows its failure
    if (!this.goesOn) return;
    const own = this.question;
    const page = await this.ask(search, LARGEST_PAGE, this.cursor);
    if (own !== this.question) return;
    const known = new Set(this.items.map(({ id }) => id));
    this.keep([...this.items, ...page.items.filter(({ id }) => !known.has(id))], page.total, page.next_cursor ?? null);
  }

  /** Take a new state of one; one that is not known yet is put before those that are older. */
  take(thing: T): void {
    this.newer.set(thing.id, thing);
    this.put(thing);
  }

  remove(id: string): void {
    this.newer.set(id, null);
    this.drop(id);
  }

  clear(): void {
    this.question += 1;
    this.newer.clear();
    this.keep([], 0, null);
  }

  private keep(items: T[], total: number, cursor: string | null): void {
    [this.items, this.total, this.cursor, this.goesOn] = [items, total, cursor, cursor !== null];
    for (const [id, thing] of this.newer) if (thing === null) this.drop(id); else this.put(thing);
  }

  private put(thing: T): void {
    const place = this.items.findIndex(({ id }) => id === thing.id);
    if (place >= 0) {
      this.items = this.items.with(place, thing);
      return;
    }
    const after = this.items.findIndex(({ received_at }) => received_at <= thing.received_at);
    if (after < 0 && this.goesOn) return; // older than what is loaded
    this.items = this.items.toSpliced(after < 0 ? this.items.length : after, 0, thing);
    this.total += 1;
  }

  private drop(id: string): void {
    const left = this.items.filter((thing) => thing.id !== id);
    if (left.length < this.items.length) this.total -= 1;
    this.items = left;
  }

  private ask(search: string, limit: number, cursor: string | null): Promise<Page<T>> {
    return call<Page<T>>(withQuery(this.path, { search, limit, cursor }));
  }
}
