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
  views: { work: "Arbeitsliste", patches: "Ausschnitte", slide: "Schnitt", review: "Beurteilung", model: "Modell", administration: "Verwaltung" },
  shortcuts: "Tastenkürzel mit einzelnen Tasten",
  loading: "Wird geladen …",
  retry: "Erneut versuchen",
  unreachable: "Das Gateway antwortet nicht. Läuft das System?",
  answered: (status) => `Das Gateway antwortete mit ${status}.`,
  offline: "Das Gateway antwortet nicht. Die Anzeige ist möglicherweise veraltet. Die Seite versucht es von selbst erneut.",
  online: "Das Gateway antwortet wieder.",
  unknown: { title: "Diese Ansicht gibt es nicht", text: "Unter dieser Adresse gibt es hier nichts. Vielleicht enthält sie einen Tippfehler oder ist veraltet." },
  forbidden: { title: "Für diese Ansicht fehlt Ihnen die Berechtigung", text: (name) => `Sie sind als ${name} angemeldet. Die Verwaltung kann Ihnen eine andere Rolle geben.` },
  broken: {
    title: "Diese Ansicht lässt sich nicht anzeigen",
    text: "Vielleicht ist das Gateway nicht erreichbar, oder es wurde aktualisiert, seit diese Seite geöffnet ist. Laden Sie die Seite neu.",
    reload: "Seite neu laden",
  },
  toWorkList: "Zur Arbeitsliste",
};
