// The files that wait to be classified, and how far that is.

import { SignedOut } from "../interface/call";
import { route } from "../routing/route.svelte";
import { session } from "../session/session.svelte";
import { words } from "../words/words.svelte";
import { classify } from "./forms";
import { results } from "./results.svelte";

class PatchUpload {
  total = $state(0);
  classified = $state(0);
  /** One sentence for each file that was not classified. */
  refused = $state.raw<string[]>([]);
  private waiting: File[] = [];
  private isRunning = false;
  private visit = 0; // from one sign-in to the next

  get done(): number {
    return this.classified + this.refused.length;
  }

  /** Classify files, after those that wait already, and show their results. */
  async add(files: File[]): Promise<void> {
    this.waiting.push(...files);
    if (this.isRunning) {
      this.total += files.length;
      return;
    }
    this.isRunning = true;
    this.begin(files.length);
    try {
      while (this.waiting.length > 0) await this.classifyAll(this.waiting.splice(0));
    } catch (error) {
      if (!(error instanceof SignedOut)) throw error;
      session.end(words().drop.lost(error.message, this.classified, this.total, this.total - this.done));
    } finally {
      this.isRunning = false;
    }
  }

  /** Forget everything: someone else may sign in. */
  clear(): void {
    this.visit += 1;
    this.waiting = [];
    this.begin(0);
  }

  private begin(total: number): void {
    [this.total, this.classified, this.refused] = [total, 0, []];
    if (total > 0 && route.path[0] !== "patches") {
      results.clear();
      route.go("/patches?since=now");
    }
  }

  private async classifyAll(files: File[]): Promise<void> {
    const own = this.visit;
    for await (const outcomes of classify(files, words().drop)) {
      if (own !== this.visit) return;
      const accepted = outcomes.flatMap((outcome) => ("item" in outcome ? [outcome] : []));
      const refused = outcomes.flatMap((outcome) => ("item" in outcome ? [] : [`${outcome.file.name}: ${outcome.reason}`]));
      this.classified += accepted.length;
      this.refused = [...this.refused, ...refused];
      results.add(accepted);
    }
  }
}

export const upload = new PatchUpload();
