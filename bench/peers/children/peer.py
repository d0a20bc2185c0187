"""The peer's side of the protocol (../protocol.ts) in Python: an engine is an object with open, load and call."""

import json
import os
import signal
import sys
import time
from importlib.metadata import version

MARK = '#peer '


def versions(*names):
    return {name: version(name) for name in names}


def processor():
    try:
        with open('/proc/cpuinfo') as lines:
            return next(line.split(':', 1)[1].strip() for line in lines if line.startswith('model name'))
    except (OSError, StopIteration):
        return 'CPU'


def answer(engine, request, state):
    what = request['do']
    if what == 'open':
        return engine.open()
    if what == 'load':
        state['inputs'] = request['case']['inputs']
        start = time.perf_counter()
        note = engine.load(request['case'])
        return {'ms': 1000 * (time.perf_counter() - start), 'note': note}
    if what in ('first', 'answer'):
        start = time.perf_counter()
        values = engine.call(request['input'])
        ms = 1000 * (time.perf_counter() - start)
        return {'ms': ms, 'values': [float(v) for v in values]}
    ms = []
    end = time.perf_counter() + request['budgetMs'] / 1000
    while len(ms) < request['count'] and (not ms or time.perf_counter() < end):
        start = time.perf_counter()
        engine.call(state['calls'] % state['inputs'])
        ms.append(1000 * (time.perf_counter() - start))
        state['calls'] += 1
    return {'ms': ms}


def finite(value):
    """JSON has no word for what is not finite but null."""
    if isinstance(value, float):
        return value if abs(value) < float('inf') else None
    if isinstance(value, list):
        return [finite(one) for one in value]
    return {key: finite(one) for key, one in value.items()} if isinstance(value, dict) else value


def serve(engine):
    """Answers requests until stdin ends. What the engine itself prints on stdout goes to stderr."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)
    state = {'inputs': 1, 'calls': 0}
    for line in sys.stdin:
        try:
            result = answer(engine, json.loads(line), state)
        except Exception as error:  # whatever it is, the bench shows it
            result = {'error': f'{type(error).__name__}: {error}'[:4000]}
        out.write(f'{MARK}{json.dumps(finite(result))}\n')
        out.flush()
    # Drivers' threads need not be waited for.
    os._exit(0)
