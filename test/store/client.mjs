/**
 * A store of etcd for a process of its own. Reads commands from standard input, one JSON object a line, and prints what
 * came of each under its id; between them what the watch on everything told, and that a lease was lost.
 */
import { createInterface } from "node:readline";
import { EtcdStore } from "../../dist/src/store/etcd/etcd.js";

const [prefix, ...endpoints] = process.argv.slice(2);
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
const store = await EtcdStore.open({
  endpoints: endpoints.map((each) => new URL(each)),
  prefix,
  tls: undefined,
  login: undefined,
});
const { revision } = await store.read("/");
store.watch(
  "/",
  revision,
  ({ changes }) => say({ told: changes.map(({ key, value }) => (value === undefined ? `-${key}` : key)) }),
  () => say({ compacted: true }),
);
const commands = {
  put: async ({ key }) => store.commit({ put: [{ key, value: "1" }] }),
  read: async () => ({ keys: [...(await store.read("/")).entries.keys()] }),
  live: async ({ key }) => {
    const lease = await store.lease(5, () => say({ lost: key }));
    return store.commit({ put: [{ key, value: "1", lease }] });
  },
};
for await (const line of createInterface(process.stdin)) {
  const command = JSON.parse(line);
  commands[command.do](command).then(
    (answer) => say({ id: command.id, ...answer }),
    (error) => say({ id: command.id, error: error.detail?.code ?? String(error) }),
  );
}
await store.close();
