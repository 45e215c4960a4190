/** "1 patch", "2 patches"; nouns of both languages have these two forms. */
export const plural = (count: number, one: string, many: string) => (count === 1 ? `1 ${one}` : `${count} ${many}`);
