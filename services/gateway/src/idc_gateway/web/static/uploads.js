// Sends files in forms, several files to a form, and reports the outcome of each file.

import { Refused, SignedOut, Unreachable, call } from "/static/api.js";

const FORM_FILES = 64;
const FORM_BYTES = 8 * 1024 * 1024;
const LARGEST_FILE_BYTES = 16 * 1024 * 1024; // no patch is a tenth as large; the gateway's own limit is lower
const PAUSES_MS = [500, 2000, 5000]; // before each retry

/**
 * Classify files, form by form.
 *
 * Yields one list for each form: `{ file, item }` for a classified file and `{ file, reason }` for any other, so that every
 * file is accounted for once. Throws SignedOut when the session ends; files without an outcome were not classified.
 */
export async function* classify(files) {
  let failure = null; // why nothing more is sent
  for await (const { parts, unreadable } of formsOf(files)) {
    if (failure !== null) {
      yield [...unreadable, ...parts.map(({ file }) => ({ file, reason: `Not sent: ${failure}` }))];
      continue;
    }
    try {
      yield [...unreadable, ...(await classified(parts))];
    } catch (error) {
      if (error instanceof SignedOut) throw error;
      failure = error.message;
      yield [...unreadable, ...parts.map(({ file }) => ({ file, reason: failure }))];
    }
  }
}

/** Read files and group them. A file that changed, vanished or is far too large is refused alone. */
async function* formsOf(files) {
  let form = { parts: [], unreadable: [], bytes: 0 };
  for (const file of files) {
    const part = await read(file);
    if (part.reason) form.unreadable.push(part);
    else {
      form.parts.push(part);
      form.bytes += file.size;
    }
    if (form.parts.length === FORM_FILES || form.bytes >= FORM_BYTES) {
      yield form;
      form = { parts: [], unreadable: [], bytes: 0 };
    }
  }
  yield form;
}

async function read(file) {
  if (file.size > LARGEST_FILE_BYTES) {
    return { file, reason: `The file has ${Math.round(file.size / 1e6)} MB. Send single patches, not a whole slide.` };
  }
  try {
    return { file, data: new Blob([await file.arrayBuffer()], { type: file.type }) };
  } catch {
    return { file, reason: "The browser cannot read the file. It may have been moved or changed." };
  }
}

/** Send one form; images that inference had no time for are sent again. */
async function classified(parts) {
  const outcomes = [];
  let rest = parts;
  for (let attempt = 0; rest.length > 0; attempt += 1) {
    const items = await answered(rest);
    const busy = (item) => item.error?.status === 503 && attempt < PAUSES_MS.length;
    for (const item of items.filter((item) => !busy(item))) {
      const { file } = rest[item.index];
      outcomes.push(item.classification ? { file, item: item.classification } : { file, reason: reasonOf(item) });
    }
    rest = items.filter(busy).map((item) => rest[item.index]);
    if (rest.length > 0) await pause(PAUSES_MS[attempt]);
  }
  return outcomes;
}

function reasonOf(item) {
  return item.error?.detail ?? "The result has been deleted.";
}

/** The gateway's items for one form. A retry has the same key, so that nothing is classified twice. */
async function answered(parts) {
  const headers = { "Idempotency-Key": randomKey() };
  for (let attempt = 0; ; attempt += 1) {
    const body = new FormData();
    for (const { file, data } of parts) body.append("images", data, file.name);
    try {
      return (await call("/api/v1/classifications", { method: "POST", headers, body })).items;
    } catch (error) {
      // A form of which no image was accepted is rejected as a whole, with an item for each image.
      if (error instanceof Refused && error.problem.items) return error.problem.items;
      const isPassing = error instanceof Unreachable || [429, 502, 503, 504].includes(error.status);
      if (!isPassing || attempt === PAUSES_MS.length) throw error;
    }
    await pause(PAUSES_MS[attempt]);
  }
}

function randomKey() {
  // crypto.randomUUID is missing on a page that was opened by plain HTTP from another machine
  return `page-${[...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function pause(ms) {
  return new Promise((resume) => setTimeout(resume, ms));
}
