// What the gateway is told of a folder of patches.

import { send } from "../interface/call";
import type { Folder, FolderToKeep } from "../interface/types";

const MOST_LISTED = 50; // as the interface takes them
const MOST_CHARACTERS = 10_000; // all of them, so that a request stays small
const LONGEST_NAME = 255;
const LONGEST_REASON = 300;

export type LeftOut = { name: string; reason: string };

/** Make a folder, or say how far it is. Throws what `call` throws. */
export function keepFolder(id: string, facts: FolderToKeep): Promise<Folder> {
  return send<Folder>(`/api/v1/folders/${id}`, "PUT", { ...facts, name: facts.name.slice(0, LONGEST_NAME) });
}

/** The first of the files without a result, as many as the gateway keeps. */
export function listed(files: LeftOut[]): LeftOut[] {
  let characters = 0;
  return files
    .slice(0, MOST_LISTED)
    .map(({ name, reason }) => ({ name: name.slice(-LONGEST_NAME), reason: reason.slice(0, LONGEST_REASON) }))
    .filter(({ name, reason }) => (characters += name.length + reason.length) <= MOST_CHARACTERS);
}
