"""test/report/fixtures/events.json: records as TensorBoard's own writer makes them, base64. Needs tensorboard 2.21.0."""

import base64
import io
import json
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter


class Kept(io.BytesIO):
    def close(self):
        pass


def scalars(*pairs):
    return Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in pairs])


EVENTS = [
    Event(wall_time=1.5, file_version="brain.Event:2"),
    Event(wall_time=1732640000.25, step=1, summary=scalars(("train/loss", 0.6931471824645996))),
    Event(wall_time=1732640001.0, step=300, summary=scalars(("val/loss", 1.25), ("val/ä", -3e-7))),
    Event(wall_time=2.0, step=5_000_000_000, session_log=SessionLog(status=SessionLog.START)),
]

records = []
for event in EVENTS:
    file = Kept()
    RecordWriter(file).write(event.SerializeToString())
    records.append(base64.b64encode(file.getvalue()).decode())
path = Path(__file__).parent.parent / "report" / "fixtures" / "events.json"
path.write_text(json.dumps(records, indent=1) + "\n")
