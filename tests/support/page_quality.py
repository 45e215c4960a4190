"""What every view of the page must hold: WCAG 2.2 AA as far as a program can tell."""

from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Locator, Page

AXE: Final = Path(__file__).parents[2] / "services/gateway/page/node_modules/axe-core/axe.min.js"
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
MOST_TABS: Final = 150
_FOCUS: Final = """() => {
  const seen = (element) => {
    const style = getComputedStyle(element);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  };
  const focused = document.activeElement;
  const label = focused.closest("label"); // a hidden input shows its focus at its label, or at what stands beside it
  const shown = [focused, label, ...(label?.children ?? [])].filter(Boolean);
  // what a script alone can focus is no stop: a new view's <main>, from which the next Tab goes on
  return focused === document.body || focused.tabIndex < 0 || shown.some(seen);
}"""


def violations(page: Page) -> list[tuple[str, list[Any]]]:
    """What axe finds: the rule, and where it is broken."""
    # target-size is among the rules that axe leaves off unless they are asked for
    options = {"runOnly": RULES, "rules": {"target-size": {"enabled": True}}}
    source = AXE.read_text(encoding="utf-8")
    found = page.evaluate(f"(options) => {{ {source}; return axe.run(options); }}", options)
    return [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found["violations"]]


def overflow_px(page: Page, width_px: int) -> int:
    """By how much the page is wider than a window of so many CSS pixels."""
    page.set_viewport_size({"width": width_px, "height": 800})
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def tab_to(page: Page, target: Locator) -> None:
    """Go to a control by the Tab key alone; each stop on the way must show its focus."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        assert page.evaluate(_FOCUS), f"no visible focus at {_focused(page)}"
        if target.evaluate("(element) => element === document.activeElement"):
            return
    raise AssertionError(f"{MOST_TABS} tabs did not lead to {target}")


def press(page: Page, target: Locator, key: str = "Enter") -> None:
    """Use a control by the keyboard alone."""
    tab_to(page, target)
    page.keyboard.press(key)


def _focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.outerHTML.slice(0, 200)"))
