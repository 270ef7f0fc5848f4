// Compiles contracts/*.sol and prints their bytecode as JSON: node compile.mjs NODE_MODULES CONTRACTS
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [modules, contracts] = process.argv.slice(2);
const solc = createRequire(join(modules, "index.js"))("solc");
const names = readdirSync(contracts).filter((name) => name.endsWith(".sol")).sort();
const input = {
  language: "Solidity",
  sources: Object.fromEntries(names.map((name) => [name, { content: readFileSync(join(contracts, name), "utf8") }])),
  settings: {
    evmVersion: "paris",
    metadata: { bytecodeHash: "none" },
    optimizer: { enabled: true },
    outputSelection: { "*": { "*": ["evm.bytecode.object"] } },
  },
};
const find = (path) => ({ contents: readFileSync(join(modules, path), "utf8") });
const output = JSON.parse(solc.compile(JSON.stringify(input), { import: find }));
const errors = (output.errors ?? []).filter((one) => one.severity === "error");
if (errors.length) {
  console.error(errors.map((one) => one.formattedMessage).join("\n"));
  process.exit(1);
}
const made = names.map((name) => name.replace(".sol", "")).map((name) => [name, "0x" + output.contracts[`${name}.sol`][name].evm.bytecode.object]);
console.log(JSON.stringify(Object.fromEntries(made), null, 2));
