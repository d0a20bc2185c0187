/**
 * A promise's end as a function that returns the value or throws the error. For work that runs beside a loop: a
 * promise that rejects while nobody awaits it yet would end the process.
 */
export function settle<Value>(promise: Promise<Value>): Promise<() => Value> {
  return promise.then(
    (value) => () => value,
    (error: unknown) => () => {
      throw error;
    },
  );
}
