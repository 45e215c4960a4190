// What the gateway says in its own words, which are English: on a page in another language it is marked so (WCAG 3.1.2).

import { language } from "./words.svelte";

export type Piece = { text: string; isEnglish: boolean };

const said = new Set<string>();

/** Note that a text is the gateway's own, wherever it is shown, also as a part of a sentence. */
export function english(text: string): string {
  if (text !== "") said.add(text);
  return text;
}

/** A sentence in pieces: what the page says, and what the gateway says in it. */
export function pieces(text: string): Piece[] {
  const [own] = language.code === "en" ? [] : [...said].filter((one) => text.includes(one)).sort((a, b) => b.length - a.length);
  if (own === undefined) return [{ text, isEnglish: false }];
  const at = text.indexOf(own);
  const all = [{ text: text.slice(0, at), isEnglish: false }, { text: own, isEnglish: true }, { text: text.slice(at + own.length), isEnglish: false }];
  return all.filter((piece) => piece.text !== "");
}
