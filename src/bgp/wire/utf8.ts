/** The text of these octets, undefined when they are not UTF-8. */
export function parseUtf8(octets: Uint8Array): string | undefined {
  try {
    // ignoreBOM keeps the mark as a character: what is shown is what was sent.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(octets);
  } catch {
    return undefined;
  }
}

/** UTF-8 of as many whole characters of `text` as fit in `mostOctets`. */
export function utf8Within(text: string, mostOctets: number): Uint8Array {
  const room = new Uint8Array(mostOctets);
  const { written } = new TextEncoder().encodeInto(text, room);
  return room.subarray(0, written);
}
