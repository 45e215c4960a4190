import { plural } from "../plural";

export const patches = {
  drop: {
    title: "Drop images here",
    choose: "or choose files",
    slides: "Whole slides (SVS, NDPI, MRXS, SCN, TIFF, …) and folders;",
    hint: "H&E patches of 50 × 50 px at about 4 µm per pixel: PNG, JPEG, TIFF, BMP or WebP.",
    classifying: (done: number, total: number) => `Classified ${done} of ${total}…`,
    classified: (classified: number, total: number) => `${classified} of ${total} files were classified.`,
    refused: (refused: number, total: number) => `${refused} of ${total} files were not classified:`,
    lost: (why: string, classified: number, total: number, lost: number) =>
      `${why} ${classified} of ${total} files were classified; ${lost} were not: send them again.`,
    notSent: (why: string) => `Not sent: ${why}`,
    tooLarge: (megabytes: number) => `The file has ${megabytes} MB. Send single patches, not a whole slide.`,
    unreadable: "The browser cannot read the file. It may have been moved or changed.",
    deleted: "The result has been deleted.",
  },
  patches: {
    title: "Results",
    empty: "No patch has been classified yet.",
    filters: "Which results are shown",
    all: "All",
    shown: (shown: number, total: number) => `${shown} of ${total} are shown.`,
    more: "Show more",
    since: (moment: string) => `Results since ${moment}.`,
    showAll: "Show all results",
    patch: (name: string) => `The patch ${name}`,
    unshowable: "This browser cannot show the image.",
    scale: (probability: string, low: string, high: string) => `P(IDC) ${probability}; uncertain from ${low} to ${high}`,
    band: (low: string, high: string) => `Uncertain from ${low} to ${high}.`,
    model: (name: string, version: string, milliseconds: string) => `Model ${name} version ${version}, ${milliseconds} ms.`,
    assumed: (width: number, height: number) => `The image is ${width} × ${height} px; it is assumed to show 200 µm.`,
    stated: (width: number, height: number, scale: string) => `The image is ${width} × ${height} px of ${scale} µm.`,
    truth: {
      title: "Compared with the names",
      hint: (count: number) => `${plural(count, "name carries", "names carry")} the class (class0, class1).`,
      actual: "Class of the name",
      idc: "IDC",
      no_idc: "No IDC",
    },
  },
};
