// Whether the gateway answers. While it does not, it is asked until it does.

const PROBE = "/livez";
const PERIOD_MS = 2000;

class Connection {
  isLost = $state(false);
  private waiting: Promise<void> | null = null;

  /** Note that the gateway did not answer; resolves when it does again. */
  lost(): Promise<void> {
    this.isLost = true;
    this.waiting ??= this.probe();
    return this.waiting;
  }

  private async probe(): Promise<void> {
    do await new Promise((resume) => setTimeout(resume, PERIOD_MS));
    while (!(await answers()));
    this.isLost = false;
    this.waiting = null;
  }
}

async function answers(): Promise<boolean> {
  try {
    return (await fetch(PROBE, { cache: "no-store" })).ok;
  } catch {
    return false;
  }
}

export const connection = new Connection();
