export const shell = {
  language: "Language",
  interface: "REST interface",
  skip: "Skip to the content",
  menu: "Views",
  notice: { strong: "For research use only.", rest: "This is not a medical device: no result may be used to diagnose or treat anyone." },
  views: { work: "Work list", patches: "Patches", model: "Model", administration: "Administration" },
  loading: "Loading…",
  retry: "Try again",
};
