// The work list: slides and folders of patches, as the gateway lists them and tells of their changes.

import { Refused, call, send } from "../interface/call";
import type { Folder, Slide } from "../interface/types";
import { foldersPath, slidePath, slidesPath } from "./addresses";
import { Paged } from "./paged.svelte";
import { merged, stageOf, type Kind, type Row, type Stage } from "./rows";
import { sorted, type Column } from "./sorting";

const RELOAD_MS = 400;

export function isMoving({ state }: Slide): boolean {
  return state === "waiting" || state === "running";
}

class WorkItems {
  search = $state("");
  stage = $state<Stage | "">("");
  kind = $state<Kind | "">("");
  column = $state<Column>("received");
  isDescending = $state(true);
  hasAnswer = $state(false);
  /** Whether the gateway has no slides service: it then shows patches only. */
  isOff = $state(false);
  private readonly slideList = new Paged<Slide>(slidesPath);
  private readonly folderList = new Paged<Folder>(foldersPath);
  private reloading: ReturnType<typeof setTimeout> | undefined;

  /** All loaded rows, newest first, before filter and order. */
  private readonly merged = $derived(merged(this.slideList.items, this.folderList.items, this.isPartial ? this.from : null));
  rows = $derived.by(() => {
    const fits = (row: Row) => (this.kind === "" || row.kind === this.kind) && (this.stage === "" || stageOf(row, Date.now()) === this.stage);
    const shown = this.kind === "" && this.stage === "" ? this.merged : this.merged.filter(fits);
    return this.column === "received" && this.isDescending ? shown : sorted(shown, this.column, this.isDescending);
  });

  get slides(): Slide[] {
    return this.slideList.items;
  }

  get folders(): Folder[] {
    return this.folderList.items;
  }

  /** How many rows there are for the search, loaded or not. */
  get total(): number {
    return this.slideList.total + this.folderList.total;
  }

  get loaded(): number {
    return this.slideList.items.length + this.folderList.items.length;
  }

  get isPartial(): boolean {
    return this.slideList.goesOn || this.folderList.goesOn;
  }

  get isFiltered(): boolean {
    return this.search !== "" || this.stage !== "" || this.kind !== "";
  }

  /** Whether the order or the filter needs all rows, and not the newest ones alone. */
  get needsAll(): boolean {
    return this.isPartial && (this.stage !== "" || this.kind !== "" || this.column !== "received" || !this.isDescending);
  }

  private get from(): string | null {
    const moments = [this.slideList.from, this.folderList.from].filter((moment) => moment !== null);
    return moments.sort((a, b) => Date.parse(a) - Date.parse(b)).at(-1) ?? null;
  }

  /** Ask for the first pages, or for as many rows as are shown. */
  async load(): Promise<void> {
    await Promise.all([this.folderList.load(this.search), this.loadSlides()]);
    this.hasAnswer = true;
  }

  /** Load what comes next in time. */
  async more(): Promise<void> {
    const { from } = this;
    await Promise.all([this.slideList, this.folderList].filter((list) => list.goesOn && list.from === from).map((list) => list.more(this.search)));
  }

  /** Ask again soon, once for several reasons. */
  reloadSoon(onFailure: (error: unknown) => void): void {
    clearTimeout(this.reloading);
    this.reloading = setTimeout(() => void this.load().catch(onFailure), RELOAD_MS);
  }

  takeSlide(slide: Slide): void {
    if (this.matches(slide.name)) this.slideList.take(slide);
  }

  takeFolder(folder: Folder): void {
    if (this.matches(folder.name)) this.folderList.take(folder);
  }

  removeSlide(id: string): void {
    this.slideList.remove(id);
  }

  removeFolder(id: string): void {
    this.folderList.remove(id);
  }

  async stateScale(id: string, um_per_px: number): Promise<void> {
    this.takeSlide(await send<Slide>(slidePath(id), "PATCH", { um_per_px }));
  }

  async cancelSlide(id: string): Promise<void> {
    this.takeSlide(await call<Slide>(slidePath(id, "/cancel"), { method: "POST" }));
  }

  async deleteSlide(id: string): Promise<void> {
    await call(slidePath(id), { method: "DELETE" });
    this.removeSlide(id);
  }

  async deleteFolder(id: string): Promise<void> {
    await call(`${foldersPath}/${id}`, { method: "DELETE" });
    this.removeFolder(id);
  }

  sortBy(column: Column): void {
    this.isDescending = column === this.column ? !this.isDescending : column !== "name";
    this.column = column;
  }

  /** Forget everything: someone else may sign in. */
  clear(): void {
    clearTimeout(this.reloading);
    this.slideList.clear();
    this.folderList.clear();
    [this.search, this.stage, this.kind, this.column, this.isDescending] = ["", "", "", "received", true];
    this.hasAnswer = false;
  }

  private async loadSlides(): Promise<void> {
    try {
      await this.slideList.load(this.search);
      this.isOff = false;
    } catch (error) {
      this.isOff = error instanceof Refused && Boolean(error.problem.type?.endsWith(":no-slides-service"));
      if (!this.isOff) throw error;
    }
  }

  private matches(name: string): boolean {
    return name.toLowerCase().includes(this.search.toLowerCase());
  }
}

export const work = new WorkItems();
