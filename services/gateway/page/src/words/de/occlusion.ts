import type { occlusion as english } from "../en/occlusion";

export const occlusion: typeof english = {
  ask: "Warum diese Antwort?",
  close: "Karte ausblenden",
  title: "Worauf die Antwort beruht",
  making: "Der Ausschnitt wird 82-mal bewertet …",
  picture: "Der Ausschnitt mit seiner Verdeckungskarte",
  speaksFor: "spricht für IDC",
  speaksAgainst: "spricht dagegen",
  full: (change) => `volle Farbe: P ändert sich um ${change}`,
  strongest: (change, x, y) => `Am stärksten ändert sich P, um ${change}, wenn die Mitte des verdeckten Fensters ${x} µm vom linken und ${y} µm vom oberen Rand liegt.`,
  none: "Kein Fenster ändert P um 0,05 oder mehr: Die Antwort beruht nicht auf einer einzelnen Stelle.",
  whole: (probability, name, version) => `P(IDC) des ganzen Ausschnitts ist ${probability} nach ${name}, Version ${version}, dem jetzt eingesetzten Modell.`,
  otherModel: (version) => `Das Ergebnis oben stammt von Version ${version}: Diese Karte erklärt nicht jene Antwort.`,
  method: (window, step) =>
    `Verdeckung: Ein Fenster von ${window} × ${window} µm wird mit der mittleren Färbung des Ausschnitts gefüllt und in Schritten von ${step} µm verschoben; die Karte zeigt P(IDC) minus P(IDC) ohne das Fenster.`,
  limits:
    "Sie zeigt, worauf dieses Modell achtet, nicht, wo Tumor ist. So wie ein gefülltes Fenster sieht kein Gewebe aus; was mehrere Stellen gemeinsam aussagen, zeigt sich nur zum Teil; nahe P = 0 oder 1 ändern auch wichtige Stellen wenig; die Nachbarn, nach denen im Schnitt mitentschieden wird, bleiben außen vor.",
  asTable: "Karte als Tabelle",
  caption: "Änderung von P(IDC) nach der Mitte des verdeckten Fensters, µm von der linken oberen Ecke",
};
