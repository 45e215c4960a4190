// Folders of patches on their way to the gateway, one after another.

import { SignedOut } from "../interface/call";
import type { FolderState } from "../interface/types";
import type { PatchFolder } from "../parts/dropped";
import { randomUuid } from "../parts/identity";
import { session } from "../session/session.svelte";
import { words } from "../words/words.svelte";
import { keepFolder, listed, type LeftOut } from "./folders";
import { classify, type Classified } from "./forms";
import { results } from "./results.svelte";

/** One folder, from the drop to its last file. */
export class FolderUpload {
  readonly id = randomUuid();
  readonly total: number;
  classified = $state(0);
  /** The files that were not classified, each with the reason. */
  leftOut = $state.raw<LeftOut[]>([]);
  state = $state<FolderState>("open");
  timeLeftS = $state<number | null>(null);
  /** Why the gateway was not told of the folder. */
  failure = $state("");
  private readonly stop = new AbortController();
  private told = 0;

  constructor(
    readonly name: string,
    private readonly files: File[],
  ) {
    this.total = files.length;
  }

  get done(): number {
    return this.classified + this.leftOut.length;
  }

  /** Send what is left of it; ends early when it is cancelled. Throws SignedOut. */
  async run(): Promise<void> {
    if (this.stop.signal.aborted) return;
    const startedAt = Date.now();
    try {
      await this.tell();
      for await (const outcomes of classify(this.files, { folder: this.id, signal: this.stop.signal }, words().drop)) {
        const accepted = outcomes.filter((outcome): outcome is Classified => "item" in outcome);
        const refused = outcomes.flatMap((outcome) => ("item" in outcome ? [] : [{ name: outcome.file.name, reason: outcome.reason }]));
        this.classified += accepted.length;
        this.leftOut = [...this.leftOut, ...refused];
        this.timeLeftS = ((this.total - this.done) * (Date.now() - startedAt)) / this.done / 1000;
        results.add(this.id, accepted);
        if (this.leftOut.length !== this.told) await this.tell();
      }
      this.state = "done";
      await this.tell();
    } catch (error) {
      if (this.stop.signal.aborted) return; // by now somebody else may have signed in
      if (error instanceof SignedOut) throw error;
      this.failure = (error as Error).message;
    }
  }

  async cancel(): Promise<void> {
    this.state = "cancelled";
    this.stop.abort();
    await this.tell().catch(() => null); // its results are there; that it was cancelled is not worth a failure
  }

  private async tell(): Promise<void> {
    this.told = this.leftOut.length;
    const facts = { name: this.name, files: this.total, state: this.state };
    await keepFolder(this.id, { ...facts, left_out: this.told, left_out_files: listed(this.leftOut) });
  }
}

class PatchUploads {
  /** Those of this visit. */
  items = $state.raw<FolderUpload[]>([]);
  private waiting: FolderUpload[] = [];
  private isRunning = false;

  get isBusy(): boolean {
    return this.items.some(({ state, failure }) => state === "open" && failure === "");
  }

  find(id: string | null): FolderUpload | undefined {
    return this.items.find((upload) => upload.id === id);
  }

  /** Classify folders, after those that wait already. */
  add(folders: PatchFolder[]): FolderUpload[] {
    const added = folders.map(({ name, files }) => new FolderUpload(name, files));
    this.items = [...this.items, ...added];
    this.waiting.push(...added);
    void this.run();
    return added;
  }

  /** Stop and forget all: someone else may sign in. */
  clear(): void {
    this.waiting = [];
    for (const upload of this.items) if (upload.state === "open") void upload.cancel();
    this.items = [];
  }

  private async run(): Promise<void> {
    if (this.isRunning) return;
    this.isRunning = true;
    let upload: FolderUpload | undefined;
    try {
      while ((upload = this.waiting.shift())) await upload.run();
    } catch (error) {
      if (!(error instanceof SignedOut) || !upload) throw error;
      const { classified, total, done } = upload;
      session.end(words().drop.lost(error.message, classified, total, total - done));
    } finally {
      this.isRunning = false;
    }
  }
}

export const patchUploads = new PatchUploads();

// Leaving the page would end the uploads: the browser asks first.
addEventListener("beforeunload", (event) => {
  if (patchUploads.isBusy) event.preventDefault();
});
