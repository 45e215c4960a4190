// One answer of a reader on its way to the slides service.

import type { SlideVerdict } from "../interface/types";
import type { OpenSlide } from "../slide/open_slide.svelte";

const PAUSE_MS = 1000;

export class Answer {
  state = $state<"saving" | "saved" | "failed">("saving");
  /** Why it was not saved. */
  reason = $state("");

  constructor(
    readonly verdict: SlideVerdict,
    readonly comment: string | null = null,
    isSaved = false,
  ) {
    if (isSaved) this.state = "saved";
  }

  /** Send it; where that fails, say why. */
  async save(send: () => Promise<void>): Promise<void> {
    this.state = "saving";
    try {
      await send();
      this.state = "saved";
    } catch (error) {
      [this.state, this.reason] = ["failed", (error as Error).message];
      throw error;
    }
  }
}

/** Tasks that run one after the other, in the order in which they were given. */
class InOrder {
  /** How many wait or run. */
  waiting = $state(0);
  private last: Promise<unknown> = Promise.resolve();

  /** Run a task after those before it, whether they failed or not. */
  run(task: () => Promise<void>): Promise<void> {
    this.waiting += 1;
    const own = this.last.then(task).finally(() => (this.waiting -= 1));
    this.last = own.catch(() => null);
    return own;
  }

  /** Resolves when the tasks that were given so far are through. */
  async through(): Promise<void> {
    await this.last;
  }
}

/** What still goes to the slides service: answers and what takes them back, in the reader's order. */
export const saving = new InOrder();

/** Load a slide again once its reader pauses, so that fast answers do not load all cells each time; an effect of a view. */
export function loadAtPause(open: OpenSlide, load: () => Promise<unknown>): (() => void) | undefined {
  if (!open.isStale || saving.waiting > 0) return undefined;
  const timer = setTimeout(() => void load(), PAUSE_MS);
  return () => clearTimeout(timer);
}
