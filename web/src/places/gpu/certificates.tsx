/** The certificate: ops against float64, networks against PyTorch layer by layer, on this adapter. */
import { useSignal } from '@preact/signals';
import type { KernelCheck } from '../../../../src/verify/kernels.ts';
import type { Comparison, NetworkCheck } from '../../../../src/verify/networks.ts';
import type { Certificate } from '../../../../src/verify/verify.ts';
import { Job, JobControls } from '../../parts/job.tsx';
import { Scrolls } from '../../parts/scrolls.tsx';
import { save } from '../../save.ts';

/** Networks of which PyTorch's values are stored, one of each family; the other way to all is the command. */
const NETWORKS = ['efficientnet_lite0', 'resnet18', 'mobilenet_v2', 'alexnet_2012'];
const OPS = 'every op, on random shapes';

const job = new Job('verify');

export function Certificates() {
  const wanted = useSignal<readonly string[]>([OPS, 'efficientnet_lite0', 'resnet18']);
  const certificate = job.outcome.value?.state === 'ready' ? job.outcome.value.value : null;
  const begin = (): void =>
    void job.begin({
      ops: wanted.value.includes(OPS),
      models: NETWORKS.filter((name) => wanted.value.includes(name)),
    });
  return (
    <section class="part" aria-labelledby="certificate">
      <h2 id="certificate">Does it compute what it should?</h2>
      <p>
        Every op and its gradients against a float64 reference, and networks layer by layer against PyTorch's
        values: results in evaluation and training, the loss, and every gradient. What departs is named.
      </p>
      <fieldset>
        <legend>Compare</legend>
        {[OPS, ...NETWORKS].map((name) => (
          <label key={name} class="choice">
            <input
              type="checkbox"
              checked={wanted.value.includes(name)}
              onChange={({ currentTarget }) => {
                const rest = wanted.value.filter((one) => one !== name);
                wanted.value = currentTarget.checked ? [...rest, name] : rest;
              }}
            />
            {name}
          </label>
        ))}
      </fieldset>
      <JobControls job={job} begin={begin} label="Compare on this GPU" />
      {certificate && <Found certificate={certificate} />}
    </section>
  );
}

function Found({ certificate }: { certificate: Certificate }) {
  const { kernels, networks, passed, adapter } = certificate;
  const all = [...kernels, ...networks];
  return (
    <>
      <p class={passed ? 'good' : 'fault'}>
        {passed
          ? `What was compared agrees with its reference on ${adapter.description}.`
          : `Departs from the reference on ${adapter.description}: ${all
              .filter((one) => !one.passed)
              .map((one) => ('op' in one ? one.op : one.model))
              .join(', ')}.`}
      </p>
      {networks.map((check) => (
        <Network key={check.model} check={check} limit={certificate.limits} />
      ))}
      {kernels.length > 0 && <Ops kernels={kernels} />}
      <button type="button" onClick={() => save('certificate.json', JSON.stringify(certificate, null, 2))}>
        Save the certificate
      </button>
    </>
  );
}

const off = (error: number): string => (error === 0 ? '0' : error.toExponential(1));
const worst = (rows: readonly Comparison[]): string =>
  off(rows.reduce((most, { error }) => Math.max(most, error), 0));

function Network({
  check: { model, comparisons, first, passed },
  limit,
}: {
  check: NetworkCheck;
  limit: Certificate['limits'];
}) {
  const layers = comparisons.filter(({ mode, kind }) => mode === 'evaluation' && kind === 'layer');
  const gradients = comparisons.filter(({ kind }) => kind === 'gradient');
  return (
    <details>
      <summary>
        {passed ? '✓' : '✗'} {model}: {layers.length} layers, off by at most {worst(layers)} of their largest
        value; {gradients.length} gradients, {worst(gradients)}
        {first && `; the first that departs is ${first.at}`}
      </summary>
      <Scrolls label={`Comparisons of ${model}`} tall>
        <table>
          <thead>
            <tr>
              <th scope="col">What</th>
              <th scope="col">Mode</th>
              <th scope="col">Kind</th>
              <th scope="col">Off by</th>
              <th scope="col">Allowed</th>
            </tr>
          </thead>
          <tbody>
            {comparisons.map(({ at, mode, kind, error, passed }) => (
              <tr key={`${mode} ${kind} ${at}`} class={passed ? undefined : 'departs'}>
                <th scope="row">{at}</th>
                <td>{mode}</td>
                <td>{kind}</td>
                <td>{off(error)}</td>
                <td>{off(limit[kind])}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolls>
    </details>
  );
}

function Ops({ kernels }: { kernels: readonly KernelCheck[] }) {
  return (
    <details>
      <summary>
        {kernels.every(({ passed }) => passed) ? '✓' : '✗'} {kernels.length} ops, on{' '}
        {kernels.reduce((sum, { cases }) => sum + cases, 0)} shapes
      </summary>
      <Scrolls label="Ops" tall>
        <table>
          <thead>
            <tr>
              <th scope="col">Op</th>
              <th scope="col">Forward</th>
              <th scope="col">Gradients</th>
            </tr>
          </thead>
          <tbody>
            {kernels.map(({ op, forward, gradients, passed }) => (
              <tr key={op} class={passed ? undefined : 'departs'}>
                <th scope="row">{op}</th>
                <td>{off(forward.error)}</td>
                <td>{off(gradients.error)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolls>
    </details>
  );
}
