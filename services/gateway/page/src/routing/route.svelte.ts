// Which view the address names, behind the `#`: a reload and the back button keep it.

/** A view: `#/slides/ID/review` has the path ["slides", "ID", "review"]. */
class Route {
  path = $state.raw<string[]>([]);
  query = $state.raw(new URLSearchParams());

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

  private read(): void {
    const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
    this.path = path.split("/").filter(Boolean).map(decodeURIComponent);
    this.query = new URLSearchParams(query);
  }
}

export const route = new Route();
