export const occlusion = {
  ask: "Why this answer?",
  close: "Hide the map",
  title: "What the answer rests on",
  making: "The patch is being asked about 82 times …",
  picture: "The patch with its occlusion map",
  speaksFor: "speaks for IDC",
  speaksAgainst: "speaks against it",
  full: (change: string) => `full colour: P changes by ${change}`,
  strongest: (change: string, x: string, y: string) => `P changes most, by ${change}, where the middle of the hidden window lies ${x} µm from the left and ${y} µm from the top.`,
  none: "No window changes P by 0.05 or more: the answer does not rest on a single place.",
  whole: (probability: string, name: string, version: string) => `P(IDC) of the whole patch is ${probability} by ${name} version ${version}, the model that serves now.`,
  otherModel: (version: string) => `The result above is by version ${version}: this map is not about that answer.`,
  method: (window: string, step: string) =>
    `Occlusion: a window of ${window} × ${window} µm is filled with the patch's mean stain colour and moved in steps of ${step} µm; the map shows P(IDC) minus P(IDC) without the window.`,
  limits:
    "It shows where this model looks, not where tumour is. A filled window is something that no tissue looks like; what several places say together shows only in part; near P = 0 or 1 even important places change little; the patch's neighbours, which decide on a slide, take no part.",
  asTable: "Map as a table",
  caption: "Change of P(IDC) by the middle of the hidden window, µm from the upper left corner",
};
