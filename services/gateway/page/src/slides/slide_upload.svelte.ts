// Uploads of slides, which resume where they stopped: tus 1.0.

import { Upload } from "tus-js-client";

import type { ProblemDetails } from "../interface/call";
import { session } from "../session/session.svelte";
import { refusal } from "../words/translated";
import { uploadsPath } from "./addresses";
import { work } from "./list.svelte";

const CHUNK_BYTES = 8 * 1024 * 1024;
// A page that was opened by plain HTTP from another machine has no digests: there an upload starts again after a reload.
const CAN_RESUME = "subtle" in crypto;
const RETRY_DELAYS_MS = [0, 1000, 3000, 10_000, 30_000];

/** One file on its way. */
export class SlideUpload {
  sent = $state(0);
  timeLeftS = $state<number | null>(null);
  failure = $state("");
  isDone = $state(false);
  private readonly upload: Upload;

  constructor(
    readonly file: File,
    onEnd: () => void,
  ) {
    const startedAt = Date.now();
    let firstSent: number | null = null; // what an earlier visit had sent says nothing about the speed
    this.upload = new Upload(file, {
      endpoint: uploadsPath,
      metadata: { filename: file.name },
      chunkSize: CHUNK_BYTES,
      retryDelays: RETRY_DELAYS_MS,
      removeFingerprintOnSuccess: true,
      storeFingerprintForResuming: CAN_RESUME,
      fingerprint,
      onProgress: (sent) => {
        this.sent = sent;
        firstSent ??= sent;
        const speed = (sent - firstSent) / (Date.now() - startedAt);
        this.timeLeftS = speed > 0 ? (file.size - sent) / speed / 1000 : null;
      },
      onSuccess: () => {
        this.isDone = true;
        onEnd();
      },
      onError: (error) => (this.failure = reasonOf(error)),
    });
  }

  /** Begin, or go on with what an earlier visit had sent of the same file. */
  async start(): Promise<void> {
    const [earlier] = CAN_RESUME ? await this.upload.findPreviousUploads() : [];
    if (earlier) this.upload.resumeFromPreviousUpload(earlier);
    this.upload.start();
  }

  /** Go on after a failure. */
  retry(): void {
    this.failure = "";
    this.upload.start();
  }

  /** Stop and delete what was sent. */
  async cancel(): Promise<void> {
    await this.upload.abort(true).catch(() => null);
  }

  /** Stop; the same file goes on from there. */
  async pause(): Promise<void> {
    await this.upload.abort(false);
  }
}

/** What tells the same file of the same person again; the browser keeps it, and no file name, which may identify a patient. */
async function fingerprint(file: File): Promise<string> {
  if (!CAN_RESUME) return "";
  const facts = new TextEncoder().encode(`${session.who?.name} ${file.name} ${file.size} ${file.lastModified}`);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", facts));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The gateway's words, where it refused the upload. */
function reasonOf(error: Error & { originalResponse?: { getBody(): string } | null }): string {
  try {
    return refusal(JSON.parse(error.originalResponse?.getBody() ?? "") as ProblemDetails) ?? error.message;
  } catch {
    return error.message;
  }
}

class SlideUploads {
  items = $state.raw<SlideUpload[]>([]);

  get isBusy(): boolean {
    return this.items.some(({ failure }) => failure === "");
  }

  add(files: File[]): void {
    for (const file of files) {
      const upload = new SlideUpload(file, () => {
        this.forget(upload);
        void work.load().catch(() => null); // the list shows its own failures
      });
      this.items = [...this.items, upload];
      void upload.start();
    }
  }

  async cancel(upload: SlideUpload): Promise<void> {
    await upload.cancel();
    this.forget(upload);
  }

  /** Stop all: someone else may sign in. */
  clear(): void {
    for (const upload of this.items) void upload.pause();
    this.items = [];
  }

  private forget(upload: SlideUpload): void {
    this.items = this.items.filter((other) => other !== upload);
  }
}

export const slideUploads = new SlideUploads();

// Leaving the page would end the uploads: the browser asks first.
addEventListener("beforeunload", (event) => {
  if (slideUploads.isBusy) event.preventDefault();
});
