"""Stands in for `comfyui-cockpit`: what a job's input says, it does."""

import json
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

arguments = sys.argv[1:]


def told_to_stop(number: int, frame: FrameType | None) -> None:
    print(json.dumps({"ok": False, "problem": {"code": "cancelled", "detail": "Cancelled."}}))
    sys.exit(130)


if arguments[:1] != ["handler"]:
    print(json.dumps(arguments))
    sys.exit(3)

job = json.load(sys.stdin)
wanted = job["input"]
print("progress: 1 of 2", file=sys.stderr, flush=True)
if "problem" in wanted:
    print(json.dumps({"ok": False, "problem": wanted["problem"]}))
    sys.exit(1)
if "garbage" in wanted:
    print(wanted["garbage"])
    sys.exit(wanted.get("status", 0))
if "die" in wanted:
    os.kill(os.getpid(), signal.SIGKILL)
if "wait" in wanted:
    if wanted["wait"] == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, told_to_stop)
    Path(os.environ["FAKE_PID"]).write_text(str(os.getpid()))
    while True:
        time.sleep(1)
secret = os.environ.get("RUNPOD_AI_API_KEY")
print(json.dumps({"request_id": job["id"], "asked": job, "arguments": arguments, "secret": secret}))
