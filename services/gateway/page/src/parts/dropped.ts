// What was dropped or chosen: whole slides, and patches by the folder they lay in.

const SLIDE = /\.(svs|ndpi|scn|mrxs|vms|vmu|bif|svslide|dcm)$/i;
const EITHER = /\.tiff?$/i;
const LARGEST_TIFF_PATCH_BYTES = 1.5 * 1024 * 1024; // 512 x 512 px of four bytes have 1 MiB, and a patch has no more pixels
const OF_THE_SYSTEM = /^(\..*|thumbs\.db|desktop\.ini)$/i;

/** A file, and the name of the topmost folder that was dropped with it; empty for a loose file. */
export type Dropped = { file: File; folder: string };
export type PatchFolder = { name: string; files: File[] };

/** Whether a file is a whole slide: by its name, and a TIFF by its size. */
export function isSlide({ name, size }: { name: string; size: number }): boolean {
  return SLIDE.test(name) || (EITHER.test(name) && size > LARGEST_TIFF_PATCH_BYTES);
}

/** Whole slides apart; patches by folder, the loose ones together; what the system keeps in folders is left out. */
export function sorted(dropped: Dropped[]): { slides: File[]; folders: PatchFolder[] } {
  const slides: File[] = [];
  const folders = new Map<string, File[]>();
  for (const { file, folder } of dropped) {
    if (OF_THE_SYSTEM.test(file.name)) continue;
    if (isSlide(file)) slides.push(file);
    else if (folders.has(folder)) folders.get(folder)!.push(file);
    else folders.set(folder, [file]);
  }
  return { slides, folders: [...folders].map(([name, files]) => ({ name: name || nameOfLoose(files), files })) };
}

/** `a.png`, or `a.png + 99` where there are more. */
function nameOfLoose(files: File[]): string {
  const first = files[0]!.name;
  return files.length === 1 ? first : `${first} + ${files.length - 1}`;
}

/** Files of an input; those of a folder say where they lay in it. */
export function chosen(files: Iterable<File>): Dropped[] {
  return [...files].map((file) => ({ file, folder: file.webkitRelativePath.split("/").slice(0, -1)[0] ?? "" }));
}

/** All files of what was dropped, those in folders too. */
export async function filesOf(transfer: DataTransfer): Promise<Dropped[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (!entries.some((entry) => entry?.isDirectory)) return chosen(transfer.files);
  const files: Dropped[] = [];
  for (const entry of entries) if (entry) await collect(entry, entry.isDirectory ? entry.name : "", files);
  return files;
}

async function collect(entry: FileSystemEntry, folder: string, files: Dropped[]): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    files.push({ file, folder });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  // A browser gives the entries of a folder in parts; an empty part is the end.
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) return;
    for (const inner of part) await collect(inner, folder, files);
  }
}
