"""The summary in English."""

from typing import Final

from idc_contracts import Decision, Reason
from idc_slides.exports.words.words import Explained, Words

EN: Final = Words(
    code="en",
    decimal_mark=".",
    thousands_mark=",",
    months=(
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
    date="{day} {month} {year}, {time}",
    notice="For research use only. Not a medical device. This page is not a diagnosis.",
    decisions={
        Decision.IDC: "IDC suspected",
        Decision.UNCERTAIN: "Uncertain: a pathologist must look",
        Decision.NO_IDC: "No IDC found",
    },
    map="Map of the slide",
    square="each square is 0.2 mm wide",
    idc="IDC",
    uncertain="Uncertain",
    no_idc="No IDC",
    left_out="Left out",
    reported_from=lambda area: f"a slide is reported from {area} mm² on",
    tissue="Tissue",
    patches=lambda count: f"{count} patches" if count != "1" else "1 patch",
    reasons="Reasons",
    reason_names={
        Reason.BETWEEN_THRESHOLDS: "between the thresholds",
        Reason.LITTLE_TISSUE: "little tissue",
        Reason.UNFAMILIAR: "unlike the training patches",
        Reason.OUT_OF_FOCUS: "out of focus",
    },
    cause_names={
        "glass": "glass",
        "fat": "fat",
        "edge": "edge of the picture",
        "unreadable": "unreadable",
        "pen": "pen marks",
        "fold": "folds",
        "blurred": "blurred",
        "judged": "tissue that could be judged",
    },
    quality="Quality",
    reviewed="Reviewed",
    cut="Cut",
    explained=Explained(
        no_distribution=(
            "No cut was fitted: this model does not say how the scores of a slide are distributed. Its own thresholds "
            "decide."
        ),
        too_few="No cut was fitted: this slide has too few patches for that. The model's own thresholds decide.",
        like=lambda by: f"This slide scores like others as a whole: its cut moved by {by} log odds only.",
        high=lambda by: f"This slide scores high as a whole: its cut moved by {by} log odds.",
        low=lambda by: f"This slide scores low as a whole: its cut moved by {by} log odds.",
        reviews=lambda count: f"{count} reviewed {'patch' if count == 1 else 'patches'} took part.",
        spread="Reviews moved the scores of the patches around them.",
        vague="The scores hardly tell where this slide's cut is: review some patches.",
    ),
    scale="Scale",
    scale_is=lambda um: f"{um} µm per pixel",
    stated_by={"file": "stated by the file", "person": "stated by a person"},
    model="Model",
    file="File",
    size=lambda count: f"{count} bytes",
    screened="Screened",
    note="Note",
    unknown="not known",
    interval=lambda low, high: f"95 %: {low} to {high}",
    percent="%",
)
