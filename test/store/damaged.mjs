/**
 * Opens damaged copies of the file of a local store, and prints what each shows, one JSON object a line:
 * {"revision", "entries"}, or {"refused"}. Dies where a page is missing or foreign.
 *
 * argv: the sound file, a folder for copies, and damages as JSON: [{"at", "octets"}] in base64, or [{"length"}].
 */
import { closeSync, copyFileSync, mkdirSync, openSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";
import { failureOf, Table } from "../../dist/src/store/local/table.js";

const [sound, folder, damages, first] = process.argv.slice(2);
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

function damage(file, { at, octets, length }) {
  if (length !== undefined) return truncateSync(file, length);
  const fd = openSync(file, "r+");
  writeSync(fd, Buffer.from(octets, "base64"), 0, undefined, at);
  closeSync(fd);
}

for (const [i, each] of JSON.parse(damages).entries()) {
  if (i < Number(first)) continue;
  const directory = join(folder, String(i));
  mkdirSync(directory, { recursive: true });
  copyFileSync(sound, join(directory, "store.mdb"));
  damage(join(directory, "store.mdb"), each);
  try {
    const table = Table.open(directory, "store.mdb");
    const { revision } = table;
    const entries = [...table.entries("/")];
    say({ revision, entries: entries.length, first: entries[0], last: entries.at(-1) });
  } catch (error) {
    say({ refused: failureOf(error, directory).code });
  }
}
