/** How fast: the ladders from the naive kernel to the shipped one, and forward passes, as `npm run bench` measures them. */

import type { BenchEntry, BenchResult } from '../../../../src/bench/result.ts';
import { Job, JobControls } from '../../parts/job.tsx';
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
          timed side by side. <code>docs/ladder.md</code> walks up.
        </p>
        <JobControls job={ladders} begin={() => void ladders.begin('ladders')} label="Climb on this GPU" />
        <Results job={ladders} file="ladders.json" rate />
      </section>
      <section class="part" aria-labelledby="forward">
        <h2 id="forward">A picture through the networks</h2>
        <p>
          A forward pass of one picture of 224×224, with random weights: the time does not depend on them.
          AlexNet takes 244 MB of memory meanwhile.
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
      <button type="button" onClick={() => save(file, JSON.stringify(result, null, 2))}>
        Save as bench --json gives it
      </button>
    </>
  );
}

const median = ({ timing }: BenchEntry): number => timing?.median ?? 0;
const gflops = (entry: BenchEntry): number => (entry.timing ? entry.flops / entry.timing.median / 1e6 : 0);

function Rung({ name, entry, share }: { name: string; entry: BenchEntry; share: number }) {
  const { timing, failed } = entry;
  return (
    <li>
      <span class="class">{name}</span>
      <span class="share">
        {timing ? `${timing.median.toPrecision(3)} ms, ${gflops(entry).toPrecision(3)} GFLOP/s` : failed}
      </span>
      <span class="bar" style={{ inlineSize: `${Math.max(0.4, 100 * share)}%` }} />
    </li>
  );
}
