// Sends files in forms, several files to a form, and reports the outcome of each file.

import { Refused, SignedOut, Unreachable, call, withQuery } from "../interface/call";
import type { Batch, BatchItem, Classification } from "../interface/types";
import { randomHex } from "../parts/identity";
import { refusal } from "../words/translated";
import type { Words } from "../words/en";

const FORM_FILES = 64;
const FORM_BYTES = 8 * 1024 * 1024;
export const LARGEST_PATCH_BYTES = 16 * 1024 * 1024; // no patch is a tenth as large; the gateway's own limit is lower
const PAUSES_MS = [500, 2000, 5000]; // before each retry
const PASSING = [429, 502, 503, 504];

export type Classified = { file: File; item: Classification };
export type NotClassified = { file: File; reason: string };
export type Outcome = Classified | NotClassified;

type Part = { file: File; data: Blob };

/** Where files go, and what ends it. */
type Target = { folder: string; signal: AbortSignal };

/**
 * Classify files of a folder, form by form.
 *
 * Yields one list for each form, so that every file is accounted for once. Throws SignedOut when the session ends, and
 * AbortError when the signal says so; files without an outcome were not classified.
 */
export async function* classify(files: Iterable<File>, target: Target, w: Words["drop"]): AsyncGenerator<Outcome[]> {
  let failure: string | null = null; // why nothing more is sent
  for await (const { parts, unreadable } of formsOf(files, w)) {
    if (failure !== null) {
      const reason = w.notSent(failure);
      yield [...unreadable, ...parts.map(({ file }) => ({ file, reason }))];
      continue;
    }
    try {
      yield [...unreadable, ...(await outcomesOf(parts, target, w))];
    } catch (error) {
      if (error instanceof SignedOut || target.signal.aborted) throw error;
      const reason = (failure = (error as Error).message);
      yield [...unreadable, ...parts.map(({ file }) => ({ file, reason }))];
    }
  }
}

/** Read files and group them. A file that changed, vanished or is far too large is refused alone. */
async function* formsOf(files: Iterable<File>, w: Words["drop"]) {
  const empty = () => ({ parts: [] as Part[], unreadable: [] as NotClassified[], bytes: 0 });
  let form = empty();
  for (const file of files) {
    const part = await read(file, w);
    if ("reason" in part) form.unreadable.push(part);
    else {
      form.parts.push(part);
      form.bytes += file.size;
    }
    if (form.parts.length === FORM_FILES || form.bytes >= FORM_BYTES) {
      yield form;
      form = empty();
    }
  }
  if (form.parts.length + form.unreadable.length > 0) yield form;
}

async function read(file: File, w: Words["drop"]): Promise<Part | NotClassified> {
  if (file.size > LARGEST_PATCH_BYTES) return { file, reason: w.tooLarge(Math.round(file.size / 1e6)) };
  try {
    return { file, data: new Blob([await file.arrayBuffer()], { type: file.type }) };
  } catch {
    return { file, reason: w.unreadable };
  }
}

/** Send one form; images that inference had no time for are sent again. */
async function outcomesOf(parts: Part[], target: Target, w: Words["drop"]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let rest = parts;
  for (let attempt = 0; rest.length > 0; attempt += 1) {
    const sent = rest;
    const items = await itemsOf(sent, target);
    const isBusy = (item: BatchItem) => item.error?.status === 503 && attempt < PAUSES_MS.length;
    for (const item of items.filter((item) => !isBusy(item))) {
      const { file } = sent[item.index]!;
      outcomes.push(item.classification ? { file, item: item.classification } : { file, reason: refusal(item.error ?? {}) ?? w.deleted });
    }
    rest = items.filter(isBusy).map((item) => sent[item.index]!);
    if (rest.length > 0) await pause(PAUSES_MS[attempt]!);
  }
  return outcomes;
}

/** The gateway's items for one form. A retry has the same key, so that nothing is classified twice. */
async function itemsOf(parts: Part[], { folder, signal }: Target): Promise<BatchItem[]> {
  const headers = { "Idempotency-Key": `page-${randomHex(16)}` };
  for (let attempt = 0; ; attempt += 1) {
    const body = new FormData();
    for (const { file, data } of parts) body.append("images", data, file.name);
    try {
      return (await call<Batch>(withQuery("/api/v1/classifications", { folder }), { method: "POST", headers, body, signal })).items;
    } catch (error) {
      // A form of which no image was accepted is rejected as a whole, with an item for each image.
      if (error instanceof Refused && error.problem.items) return error.problem.items as BatchItem[];
      signal.throwIfAborted();
      const isPassing = error instanceof Unreachable || (error instanceof Refused && PASSING.includes(error.status));
      if (!isPassing || attempt === PAUSES_MS.length) throw error;
    }
    await pause(PAUSES_MS[attempt]!);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, ms));
}
