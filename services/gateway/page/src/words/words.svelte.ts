// The page's language: one message file each, with the same keys, which the type checker compares.

import { de } from "./de";
import { en, type Words } from "./en";

const FILES: Record<string, Words> = { en, de };
const KEPT = "language";

export const LANGUAGES = [
  { code: "en", name: "English" },
  { code: "de", name: "Deutsch" },
];

class Language {
  code = $state(preferred());

  /** Choose a language; the browser remembers it. */
  choose(code: string): void {
    this.code = code;
    document.documentElement.lang = code;
    localStorage.setItem(KEPT, code);
  }
}

function preferred(): string {
  const wanted = [localStorage.getItem(KEPT), ...navigator.languages.map((tag) => tag.slice(0, 2))];
  const code = wanted.find((tag) => tag !== null && tag in FILES) ?? "en";
  document.documentElement.lang = code;
  return code;
}

export const language = new Language();

/** The messages of the chosen language. */
export function words(): Words {
  return FILES[language.code] ?? en;
}
