/** docs/LOG.md against the sources: every code that can be written is there, and no other. */

import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const PAGE = readFileSync(new URL("../../../docs/LOG.md", import.meta.url), "utf8");

function sources(room: string): { file: string; text: string }[] {
  const directory = new URL(`../../${room}/`, import.meta.url);
  const all = readdirSync(directory, { recursive: true, encoding: "utf8" });
  const files = all.filter((file) => file.endsWith(".ts") && !/\.test\.ts$|(^|\/)testing\//.test(file));
  return files.map((file) => ({ file, text: readFileSync(new URL(file, directory), "utf8") }));
}

/** What `pattern`'s first group finds in a room, sorted, each once. */
function found(rooms: readonly string[], pattern: RegExp): string[] {
  const all = rooms
    .flatMap(sources)
    .flatMap(({ text }) => [...text.matchAll(pattern)].map(([, code]) => code!));
  return [...new Set(all)].sort();
}

/** The first cells of the rows of one table, by the name in its head. */
const listed = (head: string): string[] =>
  PAGE.split(/\n\n+/)
    .filter((block) => block.startsWith(`| ${head} |`))
    .flatMap((block) => [...block.matchAll(/^\| `([^`]+)` \|/gm)].map(([, code]) => code!))
    .sort();

/** As `event`, level and fields of each row. */
const rows = [...PAGE.matchAll(/^\| `([\w.-]+)` \| (\w+) \| .* \| ?(.*?) ?\|$/gm)].map(
  ([, event, level, fields]) => ({
    event: event!,
    level: level!,
    fields: [...fields!.matchAll(/`(\w+)`/g)].map(([, name]) => name!),
  }),
);

test("every event that is written is listed, and no other", () => {
  const events = found(["daemon"], /\bevent: "([^"]+)"/g);
  expect(events.length).toBeGreaterThan(30);
  expect(listed("event")).toEqual(events);
});

test("no event is put together where this test cannot see it", () => {
  for (const { file, text } of sources("daemon")) {
    expect(`${file}: ${text.match(/\{\s*event: (?!")\S+/g)?.join() ?? ""}`).toBe(`${file}: `);
  }
});

test("every line has the level that is listed", () => {
  const levels = new Map(rows.map(({ event, level }) => [event, level]));
  for (const { text } of sources("daemon")) {
    for (const [, level, event] of text.matchAll(/\blog\.(\w+)\(\s*\{\s*event: "([^"]+)"/gi)) {
      expect(`${event} ${levels.get(event!)}`).toBe(`${event} ${level}`);
    }
  }
});

test("fields written at the spot are listed", () => {
  const fields = new Map(rows.map((row) => [row.event, row.fields]));
  for (const { text } of sources("daemon")) {
    for (const [, event, rest] of text.matchAll(/\{\s*event: "([^"]+)",([^{}]*)\}/g)) {
      const named = [...rest!.matchAll(/(?:^|,)\s*(\w+)/g)].map(([, name]) => name!);
      for (const name of named) if (name !== "peer") expect([event, ...fields.get(event!)!]).toContain(name);
    }
  }
});

test("every problem that can be found is listed, and no other", () => {
  expect(listed("code").filter((code) => !WARNINGS.includes(code))).toEqual(
    found(["gateway", "daemon"], /\bcode: "([a-zA-Z]+\.[a-zA-Z0-9]+)"/g),
  );
});

const WARNINGS = found(["kernel"], /\bcode: "((?:neighbours|privileges|sysctl)\.\w+)"/g);

test("every warning of netd is listed", () => {
  expect(WARNINGS.length).toBeGreaterThan(1);
  for (const code of WARNINGS) expect(listed("code")).toContain(code);
});
