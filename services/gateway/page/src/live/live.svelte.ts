// What the gateway tells of alarms, slides and folders as they change, handed on to the rooms.

import { connection } from "../interface/connection.svelte";
import { Stream, type StreamEvent } from "./stream";
import type { Follows } from "./sharing";

type Handle = (document: unknown) => void;

class Live {
  /** Why what is shown may be outdated, in words; empty while the gateway tells. */
  failure = $state("");
  private handles = new Map<string, Set<Handle>>();

  /**
   * Call this with each document of a kind: `alarms`, `slide`, `slide-removed`, `folder`, `folder-removed`, or `reload`
   * without one; until the returned function is called.
   */
  on<Document>(kind: StreamEvent["kind"], handle: (document: Document) => void): () => void {
    const handles = this.handles.get(kind) ?? new Set();
    handles.add(handle as Handle);
    this.handles.set(kind, handles);
    return () => void handles.delete(handle as Handle);
  }

  /**
   * Follow as somebody until the returned function is called.
   *
   * `check` asks whether the browser's session is still theirs, and throws where the gateway does not say.
   */
  start(as: string, unreachable: () => string, check: () => Promise<void>): () => void {
    let isOver = false;
    const ask = () => check().catch((error: Error) => !isOver && (this.failure = error.message));
    const end = follow(as, ({ kind, document }) => {
      if (isOver) return;
      if (kind === "open") {
        this.failure = "";
        void ask().then(() => !isOver && this.tell("reload", {}));
      } else if (kind === "lost" || kind === "refused") {
        this.failure = unreachable();
        void connection.lost();
      }
      if (kind === "refused" || kind === "authority-ended") void ask();
      this.tell(kind, document);
    });
    return () => {
      isOver = true;
      end();
    };
  }

  private tell(kind: string, document: unknown): void {
    for (const handle of this.handles.get(kind) ?? []) handle(document);
  }
}

/** Follow the stream that the tabs share; one of this tab's own where the browser knows no shared workers. */
function follow(as: string, tell: (told: StreamEvent) => void): () => void {
  const own = new Stream(tell);
  if (typeof SharedWorker === "undefined") {
    own.start();
    return () => own.stop();
  }
  const worker = new SharedWorker(new URL("./worker.ts", import.meta.url), { type: "module", name: "idc-live" });
  const say = (follows: Follows) => worker.port.postMessage(follows);
  const begin = () => say({ as });
  const again = ({ persisted }: PageTransitionEvent) => persisted && begin();
  const end = () => say(null);
  worker.port.onmessage = ({ data }: MessageEvent<StreamEvent>) => tell(data);
  worker.onerror = () => own.start(); // its file did not arrive
  begin();
  addEventListener("pagehide", end);
  addEventListener("pageshow", again);
  return () => {
    removeEventListener("pagehide", end);
    removeEventListener("pageshow", again);
    end();
    worker.port.close();
    own.stop();
  };
}

export const live = new Live();
