/** How fast: the ladders from the naive kernel to the shipped one, and forward passes, as `npm run bench` measures them. */

import type { BenchEntry, BenchResult, Ceilings, StartEntry } from '../../../../src/bench/result.ts';
import { formatNumber } from '../../../../src/text/figures.ts';
import { Job, JobControls } from '../../parts/job.tsx';
import { Scrolls } from '../../parts/scrolls.tsx';
import { save } from '../../save.ts';

const ladders = new Job('bench');
const forward = new Job('bench');

export function Bench() {
  return (
    <>
      <section class="part" aria-labelledby="ladders">
        <h2 id="ladders">From the naive kernel to the shipped one</h2>
        <p>
          A product of matrices and a convolution, rung by rung: each is held against float64, then all are
          timed side by side, beside the most that this GPU reaches.
        </p>
        <JobControls job={ladders} begin={() => void ladders.begin('ladders')} label="Climb on this GPU" />
        <Results job={ladders} file="ladders.json" rate />
      </section>
      <section class="part" aria-labelledby="forward">
        <h2 id="forward">A picture through the networks</h2>
        <p>
          A forward pass of one picture of 224×224, with random weights: the time does not depend on them.
          Then how each network starts on a device that has run nothing. AlexNet takes 244 MB of memory
          meanwhile.
        </p>
        <JobControls job={forward} begin={() => void forward.begin('forward')} label="Time on this GPU" />
        <Results job={forward} file="forward.json" />
      </section>
    </>
  );
}

function Results({ job, file, rate }: { job: Job<'bench'>; file: string; rate?: boolean }) {
  if (job.outcome.value?.state !== 'ready') return null;
  const result: BenchResult = job.outcome.value.value;
  const names = [...new Set(result.entries.map(({ op, name }) => (rate ? op : name)))];
  const longest = result.entries.reduce(
    (most, entry) => Math.max(most, rate ? gflops(entry) : median(entry)),
    0,
  );
  return (
    <>
      {result.ceilings && <AtBest ceilings={result.ceilings} />}
      {rate ? (
        names.map((op) => {
          const rungs = result.entries.filter((entry) => entry.op === op);
          return (
            <div key={op}>
              <h3>{rungs[0]!.name}</h3>
              <ol class="rungs">
                {rungs.map((entry) => (
                  <Rung
                    key={entry.variant}
                    name={entry.variant!}
                    entry={entry}
                    share={gflops(entry) / longest}
                  />
                ))}
              </ol>
            </div>
          );
        })
      ) : (
        <ol class="rungs">
          {result.entries.map((entry) => (
            <Rung key={entry.name} name={entry.op} entry={entry} share={median(entry) / longest} />
          ))}
        </ol>
      )}
      {result.starts.length > 0 && <Starts starts={result.starts} />}
      <button type="button" onClick={() => save(file, JSON.stringify(result, null, 2))}>
        Save as bench --json gives it
      </button>
    </>
  );
}

/** What the adapter reaches at best, with the reason to doubt it where there is one. */
function AtBest({ ceilings: { arithmetic, bandwidth } }: { ceilings: Ceilings }) {
  const doubts = [arithmetic.doubt, bandwidth.doubt].filter((doubt) => doubt !== null);
  return (
    <>
      <p>
        At best this GPU reaches {formatNumber(arithmetic.value)} GFLOP/s in its registers and{' '}
        {formatNumber(bandwidth.value)} GB/s from its memory.
      </p>
      {doubts.map((doubt) => (
        <p key={doubt} class="note">
          To be doubted: {doubt}.
        </p>
      ))}
    </>
  );
}

/** What networks cost before they are warm. */
function Starts({ starts }: { starts: readonly StartEntry[] }) {
  return (
    <details>
      <summary>How they start</summary>
      <p class="small">
        Each on a device that had run nothing. A page cannot empty what the browser keeps of compiled shaders,
        so there is no cold start, and a program that it kept compiles sooner.
      </p>
      <Scrolls label="How networks start">
        <table>
          <thead>
            <tr>
              <th scope="col">Network</th>
              <th scope="col">First pass, ms</th>
              <th scope="col">Programs</th>
              <th scope="col">Their compilation, ms</th>
              <th scope="col">Dispatches</th>
              <th scope="col">JavaScript a dispatch, µs</th>
            </tr>
          </thead>
          <tbody>
            {starts.map(({ name, warmMs, programs, dispatches, javascriptUs }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{formatNumber(warmMs!)}</td>
                <td>{programs.length}</td>
                <td>{formatNumber(programs.reduce((sum, { compileMs }) => sum + compileMs, 0))}</td>
                <td>{dispatches}</td>
                <td>{formatNumber(javascriptUs)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolls>
    </details>
  );
}

const median = ({ timing }: BenchEntry): number => timing?.median ?? 0;
const gflops = (entry: BenchEntry): number => (entry.timing ? entry.flops / entry.timing.median / 1e6 : 0);

/** The share of the ceiling that binds. */
const shareOf = ({ share, limit }: BenchEntry): string =>
  share === null ? '' : `, ${Math.round(100 * share)} % of the ${limit} at best`;

function Rung({ name, entry, share }: { name: string; entry: BenchEntry; share: number }) {
  const { timing, failed } = entry;
  return (
    <li>
      <span class="class">{name}</span>
      <span class="share">
        {timing
          ? `${formatNumber(timing.median)} ms, ${formatNumber(gflops(entry))} GFLOP/s${shareOf(entry)}`
          : failed}
      </span>
      <span class="bar" style={{ inlineSize: `${Math.max(0.4, 100 * share)}%` }} />
    </li>
  );
}
