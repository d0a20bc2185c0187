/** The training run of page/training.ts in Node: prints its losses as JSON. A process of its own, since the driver is. */
import { testDevice } from '../helpers/device.ts';
import { trainingLosses } from './page/training.ts';

const device = await testDevice();
const losses = await trainingLosses(device);
console.log(JSON.stringify({ adapter: device.info.description, losses }));
device.close();
