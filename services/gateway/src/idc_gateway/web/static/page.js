// Puts the page together: files in, results out, permissions of the signed-in user.

import { SignedOut } from "/static/api.js";
import { stopWatching, watchAlarms } from "/static/lamps.js";
import { add, clear as clearResults } from "/static/results.js";
import { showSignIn, start } from "/static/sign_in.js";
import { classify } from "/static/uploads.js";

const one = (selector) => document.querySelector(selector);
const dropZone = one("#drop-zone");
const files = one("#files");
let queue = []; // files that wait for their turn
let isRunning = false;
let visit = 0; // from one sign-in to the next
let progress = { total: 0, classified: 0, refused: [] };

/** What a caller may not do is not offered; the gateway refuses it too. */
function showWork({ scopes }) {
  one("#classify").hidden = !scopes.includes("classify");
  watchAlarms(() => showSignIn("The session has ended: sign in again."), scopes.includes("alarm"));
}

function clear() {
  stopWatching();
  visit += 1;
  queue = [];
  clearResults();
  one("#classify-progress").textContent = one("#classify-message").textContent = "";
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
  enqueue([...event.dataTransfer.files]);
});
files.addEventListener("change", () => {
  enqueue([...files.files]);
  files.value = "";
});

async function enqueue(images) {
  queue.push(...images);
  if (isRunning) {
    progress.total += images.length;
    return;
  }
  isRunning = true;
  progress = { total: images.length, classified: 0, refused: [] };
  showProgress();
  try {
    while (queue.length > 0) await classifyAll(queue.splice(0));
  } catch (error) {
    if (!(error instanceof SignedOut)) throw error;
    const { total, classified, refused } = progress;
    const lost = total - classified - refused.length;
    showSignIn(`${error.message} ${classified} of ${total} files were classified; ${lost} were not: send them again.`);
  } finally {
    isRunning = false;
  }
}

async function classifyAll(images) {
  const own = visit;
  for await (const outcomes of classify(images)) {
    if (own !== visit) return;
    const accepted = outcomes.filter(({ item }) => item);
    const refused = outcomes.filter(({ item }) => !item);
    progress.classified += accepted.length;
    progress.refused.push(...refused.map(({ file, reason }) => `${file.name}: ${reason}`));
    add(accepted);
    showProgress();
  }
}

function showProgress() {
  const { total, classified, refused } = progress;
  const done = classified + refused.length;
  one("#classify-progress").textContent =
    done < total ? `Classified ${done} of ${total}…` : `${classified} of ${total} files were classified.`;
  one("#classify-message").textContent =
    refused.length > 0 ? [`${refused.length} of ${total} files were not classified:`, ...refused].join("\n") : "";
}

start(showWork, clear);
