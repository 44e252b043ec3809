/** Who may import whom. Each line is a sentence of docs/ARCHITECTURE.md; `depcruise src` is the proof. */
const only = (name, from, may) => ({
  name,
  severity: "error",
  from: { path: `^src/${from}/`, pathNot: "\\.test\\.ts$" },
  to: { path: "^src/", pathNot: [from, ...may].map((room) => `^src/${room}(/|\\.)`) },
});
const pure =
  "^src/bgp/(net|wire|bfd|bmp|mrt|fsm|rib|policy|session|speaker)/|^src/(model|nat|anycast)/|^src/gateway/plan\\.ts$";
module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "pure-code-does-no-io",
      severity: "error",
      from: { path: pure, pathNot: "\\.test\\.ts$" },
      to: { dependencyTypes: ["core"] },
    },
    only("net", "bgp/net", []),
    only("wire", "bgp/wire", ["bgp/net"]),
    only("bfd", "bgp/bfd", ["bgp/wire", "bgp/net"]),
    only("mrt", "bgp/mrt", ["bgp/wire", "bgp/net"]),
    only("fsm", "bgp/fsm", ["bgp/wire", "bgp/net"]),
    only("session", "bgp/session", ["bgp/fsm", "bgp/wire", "bgp/net"]),
    only("policy", "bgp/policy", ["bgp/rib", "bgp/wire", "bgp/net"]),
    only("rib", "bgp/rib", ["bgp/wire", "bgp/net"]),
    only("speaker", "bgp/speaker", [
      "bgp/session",
      "bgp/bfd",
      "bgp/fsm",
      "bgp/rib",
      "bgp/policy",
      "bgp/wire",
      "bgp/net",
    ]),
    only("core-stands-alone", "bgp", []),
    only("bmp", "bgp/bmp", [
      "bgp/speaker",
      "bgp/session",
      "bgp/fsm",
      "bgp/rib",
      "bgp/policy",
      "bgp/wire",
      "bgp/net",
    ]),
    only("model", "model", ["bgp/net"]),
    only("config", "config", ["model", "bgp/net"]),
    only("nat", "nat", ["model", "bgp/net"]),
    only("anycast", "anycast", ["model", "bgp/net"]),
    only("gateway", "gateway", ["model", "nat", "anycast", "bgp"]),
    only("kernel", "kernel", ["bgp/net"]),
    only("api", "api", ["model", "store"]),
    only("metrics", "metrics", ["model", "api"]),
    only("cli-and-web-speak-http", "(cli|web)", ["api/schema", "bgp/mrt"]),
    {
      name: "nobody-imports-the-daemon",
      severity: "error",
      from: { pathNot: "^src/daemon/" },
      to: { path: "^src/daemon/" },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)dist/" },
  },
};
