// Sends images and shows the results.

import { SignedOut, call } from "/static/api.js";
import { stopWatching, watchAlarms } from "/static/lamps.js";
import { showSignIn, start } from "/static/sign_in.js";

const MODEL_SIDE_PX = 50;
const MAX_SHOWN = 200;
const DECISIONS = { idc: "IDC", uncertain: "Uncertain", no_idc: "No IDC" };

const one = (selector) => document.querySelector(selector);
const dropZone = one("#drop-zone");
const files = one("#files");
const results = one("#results");

/** What a caller may not do is not offered; the gateway refuses it besides. */
function showWork({ scopes }) {
  one("#classify").hidden = !scopes.includes("classify");
  watchAlarms(() => showSignIn("The session is over: sign in again."), scopes.includes("alarm"));
}

function clear() {
  stopWatching();
  results.replaceChildren();
  one("#results-empty").hidden = false;
}

for (const name of ["dragenter", "dragover"]) {
  dropZone.addEventListener(name, (event) => {
    event.preventDefault();
    dropZone.classList.add("over");
  });
}
dropZone.addEventListener("dragleave", () => dropZone.classList.remove("over"));
dropZone.addEventListener("drop", (event) => {
  event.preventDefault();
  dropZone.classList.remove("over");
  classify([...event.dataTransfer.files]);
});
files.addEventListener("change", () => {
  classify([...files.files]);
  files.value = "";
});

/** Each image goes in a request of its own, so that one that is refused does not hold up the others. */
async function classify(images) {
  const refusals = [];
  for (const [index, image] of images.entries()) {
    one("#classify-message").textContent = images.length > 1 ? `Classifying ${index + 1} of ${images.length}…` : "";
    const form = new FormData();
    form.append("images", image);
    try {
      const { items } = await call("/api/v1/classifications", { method: "POST", body: form });
      items.forEach((item) => showResult(item.classification, image));
    } catch (error) {
      if (error instanceof SignedOut) return showSignIn(error.message);
      refusals.push(error.message);
    }
  }
  one("#classify-message").textContent = refusals.join("\n");
}

function showResult(item, image) {
  const row = one("#result-template").content.firstElementChild.cloneNode(true);
  const { no_idc_below: low, idc_from: high } = item.thresholds;
  row.dataset.decision = item.decision;
  const picture = row.querySelector("img");
  picture.src = URL.createObjectURL(image);
  picture.alt = `The patch ${item.name}`;
  picture.addEventListener("load", () => URL.revokeObjectURL(picture.src));
  row.querySelector(".decision strong").textContent = DECISIONS[item.decision];
  row.querySelector(".name").textContent = row.querySelector(".name").title = item.name;
  row.querySelector(".probability strong").textContent = item.probability.toFixed(3);
  const scale = row.querySelector(".scale");
  scale.setAttribute("aria-label", `P(IDC) ${item.probability.toFixed(3)}; uncertain from ${low.toFixed(3)} to ${high.toFixed(3)}`);
  Object.assign(scale.querySelector(".band").style, { left: `${low * 100}%`, width: `${(high - low) * 100}%` });
  scale.querySelector(".pointer").style.left = `${item.probability * 100}%`;
  row.querySelector(".facts").textContent = factsOf(item, low, high);
  results.prepend(row);
  while (results.children.length > MAX_SHOWN) results.lastElementChild.remove();
  one("#results-empty").hidden = true;
}

function factsOf(item, low, high) {
  const isScaled = item.width_px !== MODEL_SIDE_PX || item.height_px !== MODEL_SIDE_PX;
  return [
    `Uncertain from ${low.toFixed(3)} to ${high.toFixed(3)}.`,
    `Model ${item.model.name} version ${item.model.version}, ${Math.round(item.latency_ms)} ms.`,
    isScaled ? `The image is ${item.width_px} × ${item.height_px} px; it was scaled to one patch.` : "",
  ].join(" ");
}

start(showWork, clear);
