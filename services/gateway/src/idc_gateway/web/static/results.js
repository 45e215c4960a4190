// The results of this page: all of them are kept and counted; the list draws some at a time.

const DRAWN_AT_ONCE = 200;
const DECISIONS = { idc: "IDC", uncertain: "Uncertain", no_idc: "No IDC" };

const REASONS = {
  between_thresholds: "between the thresholds",
  little_tissue: "little tissue",
  unfamiliar: "unlike the training patches",
  out_of_focus: "out of focus",
};

const one = (selector) => document.querySelector(selector);
const list = one("#results");
const filters = one("#filters");
let results = []; // newest last: { item, file, card }, where the card is made when it is first drawn
let filter = "all";
let drawnCount = DRAWN_AT_ONCE;

/** Add classified files, `{ item, file }` each. */
export function add(outcomes) {
  if (outcomes.length === 0) return;
  results.push(...outcomes);
  draw();
}

/** Forget everything: someone else may sign in. */
export function clear() {
  results = [];
  filter = "all";
  drawnCount = DRAWN_AT_ONCE;
  draw();
}

for (const button of filters.querySelectorAll("button")) {
  button.addEventListener("click", () => {
    filter = button.dataset.filter;
    drawnCount = DRAWN_AT_ONCE;
    draw();
  });
}

one("#more").addEventListener("click", () => {
  drawnCount += DRAWN_AT_ONCE;
  draw();
});

function draw() {
  const chosen = results.filter(({ item }) => filter === "all" || item.decision === filter).reverse();
  const drawn = chosen.slice(0, drawnCount);
  list.replaceChildren(...drawn.map(cardOf));
  one("#results-empty").hidden = results.length > 0;
  filters.hidden = results.length === 0;
  for (const button of filters.querySelectorAll("button")) {
    const { filter: name } = button.dataset;
    const count = name === "all" ? results.length : results.filter(({ item }) => item.decision === name).length;
    button.querySelector("span").textContent = count;
    button.setAttribute("aria-pressed", String(name === filter));
  }
  one("#more").hidden = drawn.length === chosen.length;
  one("#drawn").textContent = drawn.length === chosen.length ? "" : `${drawn.length} of ${chosen.length} are shown.`;
}

function cardOf(result) {
  result.card ??= newCard(result);
  return result.card;
}

function newCard({ item, file }) {
  const row = one("#result-template").content.firstElementChild.cloneNode(true);
  const { no_idc_below: low, idc_from: high } = item.thresholds;
  row.dataset.decision = item.decision;
  showPicture(row.querySelector(".patch"), item, file);
  row.querySelector(".decision strong").textContent = DECISIONS[item.decision];
  row.querySelector(".reasons").textContent = item.reasons.map((reason) => REASONS[reason]).join(", ");
  row.querySelector(".name").textContent = row.querySelector(".name").title = item.name;
  row.querySelector(".probability strong").textContent = item.probability.toFixed(3);
  const scale = row.querySelector(".scale");
  scale.setAttribute("aria-label", `P(IDC) ${item.probability.toFixed(3)}; uncertain from ${low.toFixed(3)} to ${high.toFixed(3)}`);
  Object.assign(scale.querySelector(".band").style, { left: `${low * 100}%`, width: `${(high - low) * 100}%` });
  scale.querySelector(".pointer").style.left = `${item.probability * 100}%`;
  row.querySelector(".facts").textContent = factsOf(item, low, high);
  return row;
}

function showPicture(frame, item, file) {
  const picture = frame.querySelector("img");
  picture.src = URL.createObjectURL(file);
  picture.alt = `The patch ${item.name}`;
  picture.addEventListener("load", () => URL.revokeObjectURL(picture.src));
  picture.addEventListener("error", () => {
    URL.revokeObjectURL(picture.src);
    frame.textContent = "This browser cannot show the image."; // TIFF, in most of them
  });
}

function factsOf(item, low, high) {
  const size = `The image is ${item.width_px} × ${item.height_px} px`;
  const fields = {
    native: "",
    assumed: `${size}; it is assumed to show 200 µm.`,
    stated: `${size} of ${item.um_per_px} µm.`,
  };
  return [
    `Uncertain from ${low.toFixed(3)} to ${high.toFixed(3)}.`,
    `Model ${item.model.name} version ${item.model.version}, ${Math.round(item.latency_ms)} ms.`,
    fields[item.field],
  ].join(" ");
}
