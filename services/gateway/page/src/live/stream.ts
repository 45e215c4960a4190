// The gateway's stream of changes (server-sent events), kept open. Nothing here polls.

const PATH = "/api/v1/live";
const QUIET_MS = 25_000; // the gateway gives a sign of life every ten seconds
const LOOK_MS = 5000;
const RETRY_MS = 3000;

/** What the gateway tells. */
const KINDS = ["alarms", "slide", "slide-removed", "folder", "folder-removed", "reload", "alive", "authority-ended"] as const;

/** One event of the gateway; or what became of the stream: it is `open`, `lost`, or `refused` by the gateway. */
export type StreamEvent = { kind: (typeof KINDS)[number] | "open" | "lost" | "refused"; document: unknown };

export class Stream {
  private source: EventSource | null = null;
  private heardAt = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private watch: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly tell: (told: StreamEvent) => void) {}

  /** Open it, or open it again; it then opens itself again whenever it breaks. */
  start(): void {
    this.stop();
    this.open();
    this.watch = setInterval(() => {
      if (Date.now() - this.heardAt < QUIET_MS) return;
      this.tell({ kind: "lost", document: null }); // a connection that was cut somewhere says nothing of it
      this.open();
    }, LOOK_MS);
  }

  stop(): void {
    clearInterval(this.watch);
    clearTimeout(this.retry);
    this.source?.close();
    this.source = null;
  }

  private open(): void {
    this.source?.close();
    const source = (this.source = new EventSource(PATH));
    this.heardAt = Date.now();
    for (const kind of KINDS) source.addEventListener(kind, (event) => this.hear(kind, JSON.parse((event as MessageEvent<string>).data)));
    source.onopen = () => this.hear("open", null);
    source.onerror = () => {
      const isRefused = source.readyState === EventSource.CLOSED; // the browser does not try again
      clearTimeout(this.retry);
      if (isRefused) this.retry = setTimeout(() => this.open(), RETRY_MS);
      this.tell({ kind: isRefused ? "refused" : "lost", document: null });
    };
  }

  private hear(kind: StreamEvent["kind"], document: unknown): void {
    this.heardAt = Date.now();
    this.tell({ kind, document });
  }
}
