import type { shell as english } from "../en/shell";

export const shell: typeof english = {
  language: "Sprache",
  interface: "REST-Schnittstelle",
  skip: "Zum Inhalt springen",
  menu: "Ansichten",
  notice: {
    strong: "Nur für die Forschung.",
    rest: "Dies ist kein Medizinprodukt: Kein Ergebnis darf zur Diagnose oder Behandlung verwendet werden.",
  },
  views: { work: "Arbeitsliste", patches: "Ausschnitte", model: "Modell", administration: "Verwaltung" },
  loading: "Wird geladen …",
  retry: "Erneut versuchen",
};
