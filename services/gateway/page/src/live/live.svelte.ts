// One stream from the gateway: alarms, slides and folders as they change (server-sent events). Nothing here polls.

import { SignedOut, call } from "../interface/call";
import { connection } from "../interface/connection.svelte";

const QUIET_MS = 25_000; // the gateway gives a sign of life every ten seconds
const LOOK_MS = 5000;
const RETRY_MS = 3000;

type Handle = (document: unknown) => void;

class Live {
  /** Why what is shown may be outdated, in words; empty while the gateway tells. */
  failure = $state("");
  private handles = new Map<string, Set<Handle>>();
  private source: EventSource | null = null;
  private heardAt = 0;

  /**
   * Call this with each document of a kind: `alarms`, `slide`, `slide-removed`, `folder`, or `reload` without one; until
   * the returned function is called.
   */
  on<Document>(kind: string, handle: (document: Document) => void): () => void {
    const handles = this.handles.get(kind) ?? new Set();
    handles.add(handle as Handle);
    if (!this.handles.has(kind)) {
      this.handles.set(kind, handles);
      if (this.source) this.hear(this.source, kind);
    }
    return () => void handles.delete(handle as Handle);
  }

  /** Follow until the returned function is called; `onSignedOut` is called when the session has ended. */
  start(unreachable: () => string, onSignedOut: () => void): () => void {
    let retry: ReturnType<typeof setTimeout>;
    const open = () => {
      this.source?.close();
      const source = (this.source = new EventSource("/api/v1/live"));
      this.heardAt = Date.now();
      for (const kind of [...this.handles.keys(), "alive"]) this.hear(source, kind);
      source.onopen = () => {
        this.heardAt = Date.now();
        this.failure = "";
        this.tell("reload", {});
      };
      source.addEventListener("authority-ended", onSignedOut);
      source.onerror = () => {
        this.failure = unreachable();
        void connection.lost();
        if (source.readyState === EventSource.CLOSED) void why(); // refused: the browser does not try again
      };
    };
    const why = async () => {
      try {
        await call("/api/v1/session", { waits: false });
      } catch (error) {
        if (error instanceof SignedOut) return onSignedOut();
        this.failure = (error as Error).message;
      }
      clearTimeout(retry);
      retry = setTimeout(open, RETRY_MS);
    };
    const watch = setInterval(() => {
      if (Date.now() - this.heardAt < QUIET_MS) return;
      this.failure = unreachable(); // a connection that was cut somewhere says nothing of it
      open();
    }, LOOK_MS);
    open();
    return () => {
      clearInterval(watch);
      clearTimeout(retry);
      this.source?.close();
      this.source = null;
    };
  }

  private hear(source: EventSource, kind: string): void {
    source.addEventListener(kind, (event) => {
      if (source !== this.source) return;
      this.heardAt = Date.now();
      this.tell(kind, JSON.parse((event as MessageEvent<string>).data));
    });
  }

  private tell(kind: string, document: unknown): void {
    for (const handle of this.handles.get(kind) ?? []) handle(document);
  }
}

export const live = new Live();
