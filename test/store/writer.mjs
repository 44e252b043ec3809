/**
 * Writes /n/FIRST, /n/FIRST+1 and so on into a local store, eight at a time, and prints each number once its commit is
 * acknowledged. Ends when it is killed.
 */
import { LocalStore } from "../../dist/src/store/local/local.js";

const [directory, first] = process.argv.slice(2);
const store = await LocalStore.open(directory);
let next = Number(first);
const write = async () => {
  for (;;) {
    const n = next++;
    await store.commit({ put: [{ key: `/n/${n}`, value: JSON.stringify("x".repeat(n % 3000)) }] });
    process.stdout.write(`${n}\n`);
  }
};
await Promise.all(Array.from({ length: 8 }, write));
