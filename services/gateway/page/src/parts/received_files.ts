// Files that were dropped or chosen: slides are uploaded, patches are classified.

import { LARGEST_PATCH_BYTES } from "../patches/forms";
import { upload } from "../patches/upload.svelte";
import { route } from "../routing/route.svelte";
import { slideUploads } from "../slides/slide_upload.svelte";

const SLIDE = /\.(svs|ndpi|scn|mrxs|vms|vmu|bif|svslide|dcm)$/i;
const EITHER = /\.tiff?$/i;

/** Whether a file is a whole slide: by its name, and a TIFF by its size. */
export function isSlide({ name, size }: { name: string; size: number }): boolean {
  return SLIDE.test(name) || (EITHER.test(name) && size > LARGEST_PATCH_BYTES);
}

/** Send each file where it belongs. */
export function receive(files: File[]): void {
  const found = files.filter(isSlide);
  const patches = files.filter((file) => !isSlide(file));
  if (found.length > 0) {
    route.go("/");
    slideUploads.add(found);
  }
  if (patches.length > 0) void upload.add(patches);
}

/** All files of what was dropped, those in folders too. */
export async function filesOf(transfer: DataTransfer): Promise<File[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (!entries.some((entry) => entry?.isDirectory)) return [...transfer.files];
  const files: File[] = [];
  for (const entry of entries) if (entry) await collect(entry, files);
  return files;
}

async function collect(entry: FileSystemEntry, files: File[]): Promise<void> {
  if (entry.isFile) {
    files.push(await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject)));
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  // A browser gives the entries of a folder in parts; an empty part is the end.
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) return;
    for (const inner of part) await collect(inner, files);
  }
}
