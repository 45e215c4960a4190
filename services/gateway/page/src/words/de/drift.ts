import type { drift as english } from "../en/drift";

const HIGHER = { higher: "höher als im Training", lower: "niedriger als im Training" };
const NO_REFERENCE = "Das Paket dieser Version enthält keine Vergleichswerte aus dem Training. Ab jetzt trainierte Versionen enthalten sie.";
const STAIN = "Im Labor nachfragen, ob sich Färbung, Schnittdicke oder Scanner geändert haben. Bleibt es so, eine neue Version mit heutigen, beurteilten Ausschnitten trainieren.";

export const drift: typeof english = {
  title: "Gleichen die letzten Ausschnitte denen des Trainings?",
  howMany: "Letzte Ausschnitte",
  summary: (patches, patients, since, until) => `${patches} Ausschnitte von ${patients}, vom ${since} bis ${until}.`,
  patches: {
    title: "Einzelne Ausschnitte",
    of: (count, text) => (count === 1 ? "einem Patienten" : `${text} Patienten`),
    counted: "Patienten",
    otherModels: (patches) => `${patches} weitere wurden von einer anderen Version klassifiziert: Sie werden nicht verglichen.`,
    verdicts: {
      empty: "Diese Version hat noch keinen Ausschnitt klassifiziert.",
      "no-reference": NO_REFERENCE,
      unknown: "Zu wenige Ausschnitte für eine Aussage.",
      moved: "Etwas hat sich verschoben.",
      same: "Nichts hat sich verschoben: Die letzten Ausschnitte gleichen denen des Trainings, soweit diese Werte es zeigen.",
    },
    distribution: "P(IDC) der letzten Ausschnitte neben dem Training",
  },
  slides: {
    title: "Ganze Schnitte",
    of: (count, text) => (count === 1 ? "einem Schnitt" : `${text} Schnitten`),
    counted: "Schnitte",
    otherModels: (slides) => `${slides} weitere wurden von einer anderen Version ausgewertet: Sie werden nicht verglichen.`,
    verdicts: {
      empty: "Diese Version hat noch keinen Schnitt ausgewertet.",
      "no-reference": NO_REFERENCE,
      unknown: "Zu wenige Ausschnitte für eine Aussage.",
      moved: "Etwas hat sich verschoben.",
      same: "Nichts hat sich verschoben: Die Ausschnitte der letzten Schnitte gleichen denen des Trainings, soweit diese Werte es zeigen.",
    },
    distribution: "P(IDC) der Ausschnitte der letzten Schnitte neben dem Training",
  },
  slidesHint: "Jeder Schnitt zählt wie ein Patient. Färbung, Schärfe und der Anteil unsicherer Ausschnitte werden bei Schnitten nicht verglichen.",
  slidesMissing: (why) => `Ganze Schnitte werden nicht verglichen: ${why}`,
  unnamed: (patches) => `${patches} Ausschnitte nennen weder Patient noch Schnitt noch Ordner: Sie zählen wie die eines einzigen Patienten. Mit Namen fallen kleinere Änderungen auf.`,
  moved: (patches, patients, subject, direction, value, range) =>
    `In den letzten ${patches} Ausschnitten von ${patients} ${subject} ${direction}: ${value}; zu erwarten ist ${range}.`,
  subject: {
    probability: "ist P(IDC)",
    uncertain: "ist der Anteil unsicherer Ausschnitte",
    unfamiliar: "ist der Anteil der Ausschnitte, die das Modell nicht kennt,",
    stain_density: "ist die Färbung",
    stain_hue_deg: "ist die Färbung",
    sharpness: "sind die Bilder",
  },
  direction: {
    probability: HIGHER,
    uncertain: HIGHER,
    unfamiliar: HIGHER,
    stain_density: { higher: "dunkler als im Training", lower: "blasser als im Training" },
    stain_hue_deg: { higher: "stärker rosa als im Training", lower: "stärker blau als im Training" },
    sharpness: { higher: "schärfer als im Training", lower: "unschärfer als im Training" },
  },
  advice: {
    probability: {
      higher: "Entweder haben sich die Fälle verändert, oder das Modell wird getäuscht: Färbung und Schärfe unten ansehen. Vor dem Verlass auf Ergebnisse die Ausschnitte nahe der Schwelle beurteilen.",
      lower: "Entweder haben sich die Fälle verändert, oder das Modell übersieht IDC: Färbung und Schärfe unten ansehen. Vor dem Verlass auf Ergebnisse Ausschnitte beurteilen, die als „Kein IDC“ gelten.",
    },
    uncertain: {
      higher: "Mehr Ausschnitte als sonst müssen angesehen werden. Die Gründe stehen in der Liste der Ausschnitte.",
      lower: "Für sich genommen kein Schaden: nachsehen, ob sich auch P(IDC) oder die Färbung verschoben hat.",
    },
    unfamiliar: {
      higher: "Gewebe, Färbung und Maßstab dieser Bilder prüfen: Meist liegt es an den Mikrometern pro Pixel.",
      lower: "Für sich genommen kein Schaden.",
    },
    stain_density: { higher: STAIN, lower: STAIN },
    stain_hue_deg: { higher: STAIN, lower: STAIN },
    sharpness: {
      higher: "Prüfen, ob die Bilder nachgeschärft sind oder einen anderen Maßstab haben als angegeben.",
      lower: "Den Fokus des Scanners prüfen, und ob die Bilder vergrößert oder komprimiert wurden.",
    },
  },
  adviceOfSlides: {
    probability: {
      higher: "Entweder haben sich die Fälle verändert, oder das Modell wird getäuscht: Färbung und Fokus dieser Schnitte ansehen. Vor dem Verlass auf Ergebnisse die Ausschnitte nahe der Schwelle beurteilen.",
      lower: "Entweder haben sich die Fälle verändert, oder das Modell übersieht IDC: Färbung und Fokus dieser Schnitte ansehen. Vor dem Verlass auf Ergebnisse Ausschnitte beurteilen, die als „Kein IDC“ gelten.",
    },
  },
  measure: "Messwert",
  latest: "Zuletzt",
  training: "Training",
  expected: "Zu erwarten",
  verdict: "Urteil",
  range: (low, high) => `${low} bis ${high}`,
  measures: {
    probability: "P(IDC), Mittel",
    uncertain: "Unsicher",
    unfamiliar: "Anders als im Training",
    stain_density: "Färbung: Dichte",
    stain_hue_deg: "Färbung: Farbton (mehr ist rosa)",
    sharpness: "Schärfe",
  },
  shifts: { none: "wie erwartet", higher: "höher", lower: "niedriger", unknown: "nicht zu sagen" },
  distributionPicture: "Anteil der Ausschnitte in zehn Klassen von P(IDC), zuletzt und im Training. Die Tabelle darunter enthält die Zahlen.",
  bin: "P(IDC)",
  asTable: "Als Tabelle",
  rule: (share, one, three, ten) =>
    `Es zählt der Patient, nicht der Ausschnitt: Ausschnitte eines Patienten ähneln sich. Bei unveränderten Ausschnitten liegt rechnerisch bei ${share} aller Prüfungen irgendein Wert außerhalb des Erwarteten. Für Färbung und Schärfe gemessen waren es bei Patienten des öffentlichen Datensatzes ${one} mit einem Patienten, ${three} mit dreien und ${ten} mit zehn. Färbung und Schärfe werden an bis zu 250 gespeicherten Bildern gemessen.`,
};
