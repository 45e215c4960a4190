// Random identities. crypto.randomUUID is missing on a page that was opened by plain HTTP from another machine.

/** So many random bytes, hexadecimal. */
export function randomHex(bytes: number): string {
  return [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A random UUID: version 4 (RFC 9562, 5.4). */
export function randomUuid(): string {
  const hex = randomHex(16);
  const variant = "89ab"[parseInt(hex[16]!, 16) & 3];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}
