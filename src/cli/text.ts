/**
 * Text of others on a terminal: descriptions, shutdown communications of peers (RFC 9003), reasons.
 *
 * What is shown as it is, is listed: characters whose width every terminal agrees on and that move nothing. All else,
 * control characters, combining marks, right-to-left scripts, emoji, is shown as an escape. So no text can steer the
 * terminal, reorder a line, or push a column out of its place.
 */

/** One column each. */
const NARROW = /^(?:[ -[\]-~]|(?=\p{L})[\p{sc=Latin}\p{sc=Greek}\p{sc=Cyrillic}]|[–—‘’“”…·€£¥§°±×÷µ¡¿«»])$/u;
/** Two columns each: kana, unified ideographs, Hangul syllables, and the fullwidth forms. */
const WIDE =
  /^[\u3001-\u3011\u3041-\u3096\u30a1-\u30fc\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff60]$/u;

/** `text` with everything escaped that is not plainly shown: \n, \xHH or \u{H…}; a backslash is doubled. */
export function printable(text: string): string {
  let shown = "";
  // Composed, since a base letter and its mark are one column only to some terminals.
  for (const character of text.normalize("NFC")) shown += isPlain(character) ? character : escaped(character);
  return shown;
}

/** Columns that a text takes on a terminal. @param shown - what {@link printable} gave */
export function widthOf(shown: string): number {
  let columns = 0;
  for (const character of shown) columns += WIDE.test(character) ? 2 : 1;
  return columns;
}

/** The first `columns` columns of a text, with "…" as the last when that is not all of it. */
export function clip(shown: string, columns: number): string {
  if (widthOf(shown) <= columns) return shown;
  let kept = "";
  let used = 1;
  for (const character of shown) {
    used += widthOf(character);
    if (used > columns) break;
    kept += character;
  }
  return `${kept}…`;
}

const isPlain = (character: string): boolean => WIDE.test(character) || NARROW.test(character);

const NAMED: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  return NAMED[character] ?? (code < 0x100 ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`);
}

/** The clock of routers: 00:12:31, then 1d02h, then 3w4d, then 1y08w. @param seconds - cut to whole ones */
export function clock(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  const two = (n: number): string => String(Math.floor(n)).padStart(2, "0");
  if (s < DAY) return `${two(s / 3600)}:${two((s % 3600) / 60)}:${two(s % 60)}`;
  if (s < WEEK) return `${Math.floor(s / DAY)}d${two((s % DAY) / 3600)}h`;
  if (s < YEAR) return `${Math.floor(s / WEEK)}w${Math.floor((s % WEEK) / DAY)}d`;
  return `${Math.floor(s / YEAR)}y${two((s % YEAR) / WEEK)}w`;
}

const DAY = 86_400;
const WEEK = 7 * DAY;
const YEAR = 365 * DAY;
