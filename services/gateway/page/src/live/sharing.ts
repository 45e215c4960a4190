// One stream for all tabs of a browser: over HTTP/1.1 a browser has six connections to a host, and each stream keeps one.

import type { StreamEvent } from "./stream";

/** What a tab says: that it follows, and as which user; null: that it no longer does. */
export type Follows = { as: string } | null;
/** The tab's end of a channel, as a `MessagePort` has it. */
export type Tab = { postMessage(told: StreamEvent): void };

/** The tabs that follow, and what one of them needs that comes later. */
export class Sharing {
  private readonly tabs = new Set<Tab>();
  private as = "";
  private opened: StreamEvent | null = null;
  private alarms: StreamEvent | null = null;

  constructor(private readonly stream: { start(): void; stop(): void }) {}

  /** Take what the stream tells. */
  take(told: StreamEvent): void {
    if (told.kind === "open") this.opened = told;
    if (told.kind === "alarms") this.alarms = told;
    if (told.kind === "lost" || told.kind === "refused") this.opened = this.alarms = null;
    for (const tab of this.tabs) tab.postMessage(told);
  }

  /** Take what a tab says. */
  say(tab: Tab, follows: Follows): void {
    if (follows === null) {
      this.tabs.delete(tab);
      if (this.tabs.size === 0) this.stream.stop();
      return;
    }
    const goesOn = this.tabs.size > 0 && follows.as === this.as; // another person does not hear this one's stream
    this.tabs.add(tab);
    this.as = follows.as;
    if (!goesOn) {
      this.opened = this.alarms = null;
      this.stream.start();
    } else for (const told of [this.opened, this.alarms]) if (told !== null) tab.postMessage(told);
  }
}
