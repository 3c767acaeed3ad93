// A program is a row of named steps. Each prints one line of JSON when it ends:
//
//   {"step":"open","ok":true,"ms":420,"saw":{…}}
//   {"step":"open","ok":false,"ms":12,"error":"…"}
//
// A step that fails ends the program with exit code 1.
'use strict';

async function step(name, act) {
  const started = process.hrtime.bigint();
  const ended = (line) => {
    const ms = Number((process.hrtime.bigint() - started) / 1_000_000n);
    process.stdout.write(JSON.stringify({ step: name, ...line, ms }) + '\n');
  };
  try {
    const saw = await act();
    ended({ ok: true, saw });
  } catch (error) {
    ended({ ok: false, error: error.stack });
    process.exitCode = 1;
    throw new Ended();
  }
}

// Ended is what a failed step throws once it is told.
class Ended extends Error {}

// main runs a program to its end.
function main(program) {
  program().catch((error) => {
    if (!(error instanceof Ended)) {
      process.stderr.write(error.stack + '\n');
      process.exitCode = 1;
    }
  });
}

// want fails the step unless it holds.
function want(holds, what) {
  if (!holds) throw new Error(what);
}

module.exports = { step, main, want, Ended };
