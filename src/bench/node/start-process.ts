/**
 * A process that starts one network and prints what that took as one line of JSON: see cold.ts, which runs it.
 *
 *   node start-process.ts '{"what": "first call", "of": …, "adapter": null, "tuned": false}'
 */
import { openDevice } from '../../node/open-device.ts';
import { readTuning } from '../../tune/node/shelf.ts';
import { choicesOf } from '../../tune/record.ts';
import { modelName, readyModel } from '../models.ts';
import { firstCall, measureStart, type Startable } from '../starts.ts';
import type { StartAnswer, StartRequest } from './cold.ts';

const { what, of, adapter, tuned } = JSON.parse(process.argv[2]!) as StartRequest;

async function answer(): Promise<StartAnswer> {
  const device = await openDevice(adapter === null ? {} : { adapter });
  const record = tuned ? await readTuning(device, () => undefined) : null;
  device.choices = record && choicesOf(record);
  const startable: Startable = { name: modelName(of), prepare: (on) => readyModel(on, of) };
  const found =
    what === 'figures'
      ? await measureStart(device, startable)
      : { firstMs: await firstCall(device, startable) };
  device.close();
  return found;
}

try {
  process.stdout.write(`${JSON.stringify(await answer())}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
