// What the unit tests have of a browser: enough for the choice of a language.

Object.assign(globalThis, {
  localStorage: { getItem: () => "en", setItem: () => undefined },
  document: { documentElement: { lang: "" } },
  addEventListener: () => undefined,
});
