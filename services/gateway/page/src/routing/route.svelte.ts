// Which view the address names, behind the `#`: a reload and the back button keep it.

/** A view: `#/slides/ID/review` has the path ["slides", "ID", "review"]. */
class Route {
  path = $state.raw<string[]>([]);
  query = $state.raw(new URLSearchParams());
  /** What the view shows, for the window's title: the name of its slide. A new path clears it. */
  subject = $state("");

  constructor() {
    this.read();
    addEventListener("hashchange", () => this.read());
  }

  /** Show another view. */
  go(target: string): void {
    location.hash = target;
  }

  /** Change the address without a step in the history. */
  replace(target: string): void {
    history.replaceState(null, "", `#${target}`);
    this.read();
  }

  /** Read the address again after something else changed it. */
  read(): void {
    const [address = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
    const path = address.split("/").filter(Boolean).map(decoded);
    // A new query alone leaves the view as it is.
    if (path.join("/") !== this.path.join("/")) [this.path, this.subject] = [path, ""];
    this.query = new URLSearchParams(query);
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a lone % in a mistyped address
  }
}

export const route = new Route();
