// One answer of a reader on its way to the slides service.

import type { SlideVerdict } from "../interface/types";

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
