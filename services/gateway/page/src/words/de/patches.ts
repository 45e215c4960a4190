import type { patches as english } from "../en/patches";

export const patches: typeof english = {
  drop: {
    title: "Bilder hier ablegen",
    choose: "oder Dateien auswählen",
    slides: "Ganze Schnitte (SVS, NDPI, MRXS, SCN, TIFF, …) und Ordner;",
    hint: "H&E-Ausschnitte von 50 × 50 px bei etwa 4 µm pro Pixel: PNG, JPEG, TIFF, BMP oder WebP.",
    classifying: (done, total) => `${done} von ${total} klassifiziert …`,
    classified: (classified, total) => `${classified} von ${total} Dateien wurden klassifiziert.`,
    refused: (refused, total) => `${refused} von ${total} Dateien wurden nicht klassifiziert:`,
    lost: (why, classified, total, lost) =>
      `${why} ${classified} von ${total} Dateien wurden klassifiziert, ${lost} nicht: Bitte erneut senden.`,
    notSent: (why) => `Nicht gesendet: ${why}`,
    tooLarge: (megabytes) => `Die Datei hat ${megabytes} MB. Einzelne Ausschnitte senden, keinen ganzen Schnitt.`,
    unreadable: "Der Browser kann die Datei nicht lesen. Vielleicht wurde sie verschoben oder geändert.",
    deleted: "Das Ergebnis wurde gelöscht.",
  },
  patches: {
    title: "Ergebnisse",
    empty: "Noch wurde kein Ausschnitt klassifiziert.",
    filters: "Welche Ergebnisse gezeigt werden",
    all: "Alle",
    shown: (shown, total) => `${shown} von ${total} werden gezeigt.`,
    more: "Mehr zeigen",
    since: (moment) => `Ergebnisse seit ${moment}.`,
    showAll: "Alle Ergebnisse zeigen",
    patch: (name) => `Der Ausschnitt ${name}`,
    unshowable: "Dieser Browser kann das Bild nicht anzeigen.",
    scale: (probability, low, high) => `P(IDC) ${probability}; unsicher von ${low} bis ${high}`,
    band: (low, high) => `Unsicher von ${low} bis ${high}.`,
    model: (name, version, milliseconds) => `Modell ${name} Version ${version}, ${milliseconds} ms.`,
    assumed: (width, height) => `Das Bild hat ${width} × ${height} px; angenommen wird, dass es 200 µm zeigt.`,
    stated: (width, height, scale) => `Das Bild hat ${width} × ${height} px zu ${scale} µm.`,
    truth: {
      title: "Vergleich mit den Namen",
      hint: (count) => (count === 1 ? "1 Name nennt die Klasse (class0, class1)." : `${count} Namen nennen die Klasse (class0, class1).`),
      actual: "Klasse laut Name",
      idc: "IDC",
      no_idc: "Kein IDC",
    },
  },
};
