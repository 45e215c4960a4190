// Where the interface has what belongs to a slide.

const SLIDES = "/api/v1/slides";

export const slidesPath = SLIDES;
export const foldersPath = "/api/v1/folders";
export const uploadsPath = `${SLIDES}/uploads`;

export function slidePath(id: string, rest = ""): string {
  return `${SLIDES}/${encodeURIComponent(id)}${rest}`;
}

/** The picture of a cell at 4.0 um/px, with so many cells around it. */
export function cellPicture(id: string, cell: { column: number; row: number }, around: number): string {
  return slidePath(id, `/cells/${cell.column}/${cell.row}.png?around=${around}`);
}

/** The occlusion map of a cell. */
export function cellOcclusion(id: string, cell: { column: number; row: number }): string {
  return slidePath(id, `/cells/${cell.column}/${cell.row}/occlusion`);
}
