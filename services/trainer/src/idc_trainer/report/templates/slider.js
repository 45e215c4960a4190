"use strict";
(() => {
  const { bins, patients } = JSON.parse(document.getElementById("counts").textContent);
  const low = document.getElementById("low");
  const high = document.getElementById("high");
  const body = document.querySelector("#at-cuts tbody");

  // A step holds the scores from step / bins on: it is below a cut if its upper end is not above the cut.
  const count = (steps, lowCut, highCut) => {
    const found = { idc: 0, uncertain: 0, noIdc: 0 };
    for (const [step, patches] of steps) {
      if (step >= highCut) found.idc += patches;
      else if (step < lowCut) found.noIdc += patches;
      else found.uncertain += patches;
    }
    return found;
  };
  const share = (part, whole) => (whole ? part / whole : NaN);
  const text = (value) => (Number.isNaN(value) ? "-" : value.toFixed(3));

  const row = (name, idc, none) => {
    const sensitivity = share(idc.idc, idc.idc + idc.noIdc);
    const specificity = share(none.noIdc, none.idc + none.noIdc);
    const all = idc.idc + idc.uncertain + idc.noIdc + none.idc + none.uncertain + none.noIdc;
    const line = document.createElement("tr");
    const title = document.createElement("th");
    title.scope = "row";
    title.textContent = name;
    line.append(title);
    const cells = [
      text(sensitivity),
      text(specificity),
      text((sensitivity + specificity) / 2),
      text(share(all - idc.uncertain - none.uncertain, all)),
      `${idc.idc} / ${idc.uncertain} / ${idc.noIdc}`,
      `${none.idc} / ${none.uncertain} / ${none.noIdc}`,
    ];
    for (const content of cells) {
      const cell = document.createElement("td");
      cell.textContent = content;
      line.append(cell);
    }
    return line;
  };
  const add = (a, b) => ({ idc: a.idc + b.idc, uncertain: a.uncertain + b.uncertain, noIdc: a.noIdc + b.noIdc });

  const show = () => {
    const lowCut = Math.round(Number(low.value) * bins);
    const highCut = Math.round(Number(high.value) * bins);
    document.getElementById("low-value").textContent = Number(low.value).toFixed(3);
    document.getElementById("high-value").textContent = Number(high.value).toFixed(3);
    const none = { idc: 0, uncertain: 0, noIdc: 0 };
    let [allIdc, allNone] = [none, none];
    const lines = patients.map((patient) => {
      const idc = count(patient.idc, lowCut, highCut);
      const rest = count(patient.noIdc, lowCut, highCut);
      [allIdc, allNone] = [add(allIdc, idc), add(allNone, rest)];
      return row(patient.name, idc, rest);
    });
    body.replaceChildren(row("all patches", allIdc, allNone), ...lines);
  };

  // The cuts never cross: the one that is moved takes the other along.
  low.addEventListener("input", () => {
    if (Number(high.value) < Number(low.value)) high.value = low.value;
    show();
  });
  high.addEventListener("input", () => {
    if (Number(low.value) > Number(high.value)) low.value = high.value;
    show();
  });
  show();
})();
