/** Your GPU: what it is, whether it computes what PyTorch computes, and how fast. */
import type { GpuFacts } from '../../contract.ts';
import { Scrolls } from '../../parts/scrolls.tsx';
import { useAsk } from '../../parts/use-ask.ts';
import { Bench } from './bench.tsx';
import { Certificates } from './certificates.tsx';

export function Gpu() {
  const facts = useAsk('gpu', null, '').value;
  return (
    <>
      {facts.state === 'failed' && <p class="fault">{facts.message}</p>}
      {facts.state === 'ready' && <Adapter facts={facts.value} />}
      <Certificates />
      <Bench />
    </>
  );
}

function Adapter({ facts }: { facts: GpuFacts }) {
  const { name, vendor, architecture, software, limits, features, traits } = facts;
  const rows: [string, string][] = [
    ['Name', name],
    ['Vendor', [vendor, architecture].filter(Boolean).join(', ') || 'not told'],
    ['Kind', software ? 'software: a processor that plays a GPU' : 'hardware'],
  ];
  return (
    <section class="part" aria-labelledby="adapter">
      <h2 id="adapter">The adapter</h2>
      <dl class="facts">
        {rows.map(([term, value]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <p class="small">
        Features: {features.join(', ') || 'none'}. What kernels ask of it:{' '}
        {Object.entries(traits)
          .map(([trait, value]) => `${trait} ${value}`)
          .join(', ')}
        .
      </p>
      <details>
        <summary>Its {Object.keys(limits).length} limits</summary>
        <Scrolls label="Limits">
          <table>
            <tbody>
              {Object.entries(limits).map(([limit, value]) => (
                <tr key={limit}>
                  <th scope="row">{limit}</th>
                  <td>{value.toLocaleString('en')}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scrolls>
      </details>
    </section>
  );
}
