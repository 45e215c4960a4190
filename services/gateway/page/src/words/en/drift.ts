import type { MeasureItem, PatchMeasure } from "../../interface/types";

type Directions = Record<PatchMeasure, Record<"higher" | "lower", string>>;

const HIGHER = { higher: "higher than in training", lower: "lower than in training" };
type Verdicts = Record<"empty" | "no-reference" | "unknown" | "moved" | "same", string>;
const NO_REFERENCE = "The bundle of this version has no training reference: there is nothing to compare with. Versions trained from now on have one.";
const STAIN = "Ask the laboratory whether stain, section thickness or scanner changed. If it stays so, train a new version with reviewed patches of today.";

export const drift = {
  title: "Are the latest patches like those of the training?",
  howMany: "Latest patches",
  summary: (patches: string, patients: string, since: string, until: string) => `${patches} patches of ${patients}, from ${since} to ${until}.`,
  patches: {
    title: "Single patches",
    of: (count: number, text: string) => (count === 1 ? "one patient" : `${text} patients`),
    counted: "Patients",
    otherModels: (patches: string) => `${patches} more were classified by another version: they are not compared.`,
    verdicts: {
      empty: "This version has not classified any patch yet.",
      "no-reference": NO_REFERENCE,
      unknown: "Too few patches to tell.",
      moved: "Something has moved.",
      same: "Nothing has moved: the latest patches are like those of the training, as far as these measures tell.",
    } satisfies Verdicts,
    distribution: "P(IDC) of the latest patches beside the training",
  },
  slides: {
    title: "Whole slides",
    of: (count: number, text: string) => (count === 1 ? "one slide" : `${text} slides`),
    counted: "Slides",
    otherModels: (slides: string) => `${slides} more were screened by another version: they are not compared.`,
    verdicts: {
      empty: "This version has not screened any slide yet.",
      "no-reference": NO_REFERENCE,
      unknown: "Too few patches to tell.",
      moved: "Something has moved.",
      same: "Nothing has moved: the patches of the latest slides are like those of the training, as far as these measures tell.",
    } satisfies Verdicts,
    distribution: "P(IDC) of the latest slides' patches beside the training",
  },
  slidesHint: "Each slide counts as one patient. Stain, sharpness and the share of uncertain patches are not compared for slides.",
  slidesMissing: (why: string) => `Whole slides are not compared: ${why}`,
  unnamed: (patches: string) => `${patches} patches name no patient, slide or folder: they count as those of one patient. With names, smaller changes are noticed.`,
  moved: (patches: string, patients: string, subject: string, direction: string, value: string, range: string) =>
    `In the latest ${patches} patches of ${patients}, ${subject} ${direction}: ${value}, where ${range} is expected.`,
  subject: {
    probability: "P(IDC) is",
    uncertain: "the share of uncertain patches is",
    unfamiliar: "the share of patches that the model does not know is",
    stain_density: "the stain is",
    stain_hue_deg: "the stain is",
    sharpness: "the images are",
  } satisfies Record<PatchMeasure, string>,
  direction: {
    probability: HIGHER,
    uncertain: HIGHER,
    unfamiliar: HIGHER,
    stain_density: { higher: "darker than in training", lower: "paler than in training" },
    stain_hue_deg: { higher: "pinker than in training", lower: "bluer than in training" },
    sharpness: { higher: "sharper than in training", lower: "more blurred than in training" },
  } satisfies Directions,
  advice: {
    probability: {
      higher: "Either the cases have changed, or the model is misled: look at stain and sharpness below. Review the patches nearest the cut before you rely on results.",
      lower: "Either the cases have changed, or the model misses IDC: look at stain and sharpness below. Review patches called No IDC before you rely on results.",
    },
    uncertain: {
      higher: "More patches than usual need a person. Look at the reasons in the list of patches.",
      lower: "No harm in itself: see whether P(IDC) or the stain moved, too.",
    },
    unfamiliar: {
      higher: "Check tissue, stain and scale of these images: micrometres per pixel are the usual cause.",
      lower: "No harm in itself.",
    },
    stain_density: { higher: STAIN, lower: STAIN },
    stain_hue_deg: { higher: STAIN, lower: STAIN },
    sharpness: {
      higher: "Check whether images are sharpened, or have another scale than stated.",
      lower: "Check the scanner's focus, and whether images were enlarged or compressed.",
    },
  } satisfies Directions,
  /** Where it is another one than that of single patches. */
  adviceOfSlides: {
    probability: {
      higher: "Either the cases have changed, or the model is misled: look at stain and focus of these slides. Review the patches nearest the cut before you rely on results.",
      lower: "Either the cases have changed, or the model misses IDC: look at stain and focus of these slides. Review patches called No IDC before you rely on results.",
    },
  } as Partial<Directions>,
  measure: "Measure",
  latest: "Latest",
  training: "Training",
  expected: "Expected",
  verdict: "Verdict",
  range: (low: string, high: string) => `${low} to ${high}`,
  measures: {
    probability: "P(IDC), mean",
    uncertain: "Uncertain",
    unfamiliar: "Unlike the training patches",
    stain_density: "Stain: density",
    stain_hue_deg: "Stain: hue (more is pinker)",
    sharpness: "Sharpness",
  } satisfies Record<PatchMeasure, string>,
  shifts: { none: "as expected", higher: "higher", lower: "lower", unknown: "cannot tell" } satisfies Record<MeasureItem["shift"], string>,
  distributionPicture: "Share of patches in ten bins of P(IDC), latest and training. The table below has the numbers.",
  bin: "P(IDC)",
  asTable: "As a table",
  rule: (share: string, one: string, three: string, ten: string) =>
    `A patient counts, not a patch: patches of one patient are alike. Some measure of unchanged patches lies outside what is expected at ${share} of all checks, as computed. Measured for stain and sharpness on patients of the public data set, it was ${one} with one patient, ${three} with three and ${ten} with ten. Stain and sharpness are measured in up to 250 of the stored images.`,
};
