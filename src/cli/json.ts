/** JSON that a terminal may show, whoever wrote the texts in it. */

/** C0 beside the newline, DEL and C1, and what moves or hides text: the same set as the API escapes. */
export const UNSEEN: RegExp =
  /(?!\n)\p{Cc}|[\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;

export const escapeUnseen = (text: string): string =>
  text.replace(UNSEEN, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);

export const toJson = (value: unknown): string => escapeUnseen(JSON.stringify(value));
