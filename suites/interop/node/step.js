// A program is a row of named steps. Each prints one line of JSON when it ends:
//
//   {"step":"register","ok":true,"ms":1042,"saw":{…}}
//   {"step":"register","ok":false,"ms":12,"error":{"name":"UnauthorizedError",…}}
//
// and the first that fails ends the program with exit code 1.
'use strict';

// step runs one step and returns its result. saw picks what of the result is printed:
// nothing by default, since results hold keys.
async function step(name, act, saw = () => undefined) {
  const started = process.hrtime.bigint();
  const ended = (line) => {
    const ms = Number((process.hrtime.bigint() - started) / 1_000_000n);
    process.stdout.write(JSON.stringify({ step: name, ...line, ms }) + '\n');
  };
  try {
    const result = await act();
    ended({ ok: true, saw: saw(result) });
    return result;
  } catch (error) {
    ended({ ok: false, error: describe(error) });
    process.exit(1);
  }
}

// describe keeps the SDK's own words, and the answer that it read them from. A request that is
// refused over AMQP fails with the peer's own error, which is no Error of the language.
function describe(error) {
  return {
    name: error.name ?? error.condition,
    message: error.message ?? error.description,
    status: error.response?.statusCode,
    answer: error.responseBody ?? error.result,
    cause: error.transportError?.message ?? error.cause?.message,
    stack: error.stack,
  };
}

// refused expects an SDK call to fail and returns its error.
async function refused(act) {
  let result;
  try {
    result = await act();
  } catch (error) {
    return error;
  }
  throw new Error(`it was not refused, but answered ${JSON.stringify(result)}`);
}

module.exports = { step, describe, refused };
