// Pictures that did not arrive are asked for again, as `call` does with what it reads.

/** The pause before each try: a slides service that starts again, or a disk that is mounted, takes longer than one. */
export const RETRY_MS = 5000;

/** Attach this to a picture of the gateway. */
export function retried(picture: HTMLImageElement): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const failed = () => {
    clearTimeout(timer);
    timer = setTimeout(() => picture.setAttribute("src", picture.getAttribute("src")!), RETRY_MS);
  };
  picture.addEventListener("error", failed);
  return () => {
    clearTimeout(timer);
    picture.removeEventListener("error", failed);
  };
}
