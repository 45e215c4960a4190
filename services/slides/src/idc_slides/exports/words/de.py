"""The summary in German."""

from typing import Final

from idc_contracts import Decision, Reason
from idc_slides.exports.words.words import Explained, Words

DE: Final = Words(
    code="de",
    decimal_mark=",",
    thousands_mark=".",
    months=(
        *("Januar", "Februar", "März", "April", "Mai", "Juni"),
        *("Juli", "August", "September", "Oktober", "November", "Dezember"),
    ),
    date="{day}. {month} {year}, {time}",
    notice="Nur für die Forschung. Kein Medizinprodukt. Diese Seite ist keine Diagnose.",
    decisions={
        Decision.IDC: "Verdacht auf IDC",
        Decision.UNCERTAIN: "Unsicher: muss pathologisch beurteilt werden",
        Decision.NO_IDC: "Kein IDC gefunden",
    },
    map="Karte des Schnitts",
    square="jedes Quadrat ist 0,2 mm breit",
    idc="IDC",
    uncertain="Unsicher",
    no_idc="Kein IDC",
    left_out="Ausgelassen",
    reported_from=lambda area: f"ein Schnitt wird ab {area} mm² gemeldet",
    tissue="Gewebe",
    patches=lambda count: f"{count} Ausschnitte" if count != "1" else "1 Ausschnitt",
    reasons="Gründe",
    reason_names={
        Reason.BETWEEN_THRESHOLDS: "zwischen den Schwellen",
        Reason.LITTLE_TISSUE: "wenig Gewebe",
        Reason.UNFAMILIAR: "anders als die Trainingsausschnitte",
        Reason.OUT_OF_FOCUS: "unscharf",
    },
    cause_names={
        "glass": "Glas",
        "fat": "Fett",
        "edge": "Bildrand",
        "unreadable": "nicht lesbar",
        "pen": "Stiftmarkierungen",
        "fold": "Falten",
        "blurred": "unscharf",
        "judged": "beurteilbares Gewebe",
    },
    quality="Qualität",
    reviewed="Beurteilt",
    cut="Schwelle",
    explained=Explained(
        no_distribution=(
            "Es wurde keine Schwelle angepasst: Das Modell gibt nicht an, wie die Werte eines Schnitts verteilt sind. "
            "Es gelten die Schwellen des Modells."
        ),
        too_few=(
            "Es wurde keine Schwelle angepasst: Dafür hat dieser Schnitt zu wenige Ausschnitte. Es gelten die "
            "Schwellen des Modells."
        ),
        like=lambda by: (
            f"Die Werte dieses Schnitts liegen insgesamt wie bei anderen: Seine Schwelle ist nur um {by} (Log-Odds) "
            "verschoben."
        ),
        high=lambda by: (
            f"Die Werte dieses Schnitts liegen insgesamt hoch: Seine Schwelle ist um {by} (Log-Odds) verschoben."
        ),
        low=lambda by: (
            f"Die Werte dieses Schnitts liegen insgesamt niedrig: Seine Schwelle ist um {by} (Log-Odds) verschoben."
        ),
        reviews=lambda count: (
            "1 beurteilter Ausschnitt ist eingeflossen."
            if count == 1
            else f"{count} beurteilte Ausschnitte sind eingeflossen."
        ),
        spread="Beurteilungen haben die Werte der Ausschnitte um sie herum verschoben.",
        vague=(
            "Aus den Werten allein ist die Schwelle dieses Schnitts kaum zu bestimmen: Bitte einige Ausschnitte "
            "beurteilen."
        ),
    ),
    scale="Maßstab",
    scale_is=lambda um: f"{um} µm pro Pixel",
    stated_by={"file": "laut Datei", "person": "von einer Person angegeben"},
    model="Modell",
    file="Datei",
    size=lambda count: f"{count} Bytes",
    screened="Ausgewertet",
    note="Hinweis",
    unknown="nicht bekannt",
    interval=lambda low, high: f"95 %: {low} bis {high}",
    percent=" %",
)
