"""`python -m demo.hub` or `python demo/hub`; see the package's own text."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import demo.hub
from demo.hub.content import parse_size
from demo.hub.exchange import Hub
from demo.hub.server import Server, catalogue


def main() -> None:
    """Serve until the end of the process."""
    parser = argparse.ArgumentParser(
        "demo.hub",
        description=demo.hub.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="0 chooses one")
    parser.add_argument("--rate", type=parse_size, default=0, help="bytes a second for each body")
    parser.add_argument("--log", type=Path, help="append one JSON line a request to this file")
    parser.add_argument("--until-eof", action="store_true", help="stop when standard input ends")
    parser.add_argument("--list", action="store_true", help="print everything there is, and stop")
    options = parser.parse_args()
    if options.list:
        everything = catalogue()
        for title in ("faults", "civitai"):
            print(f"{title}:")
            for name, said in everything[title].items():
                print(f"  {name:<26} {said}")
        return
    hub = Hub(rate=options.rate, log=options.log)
    with Server(hub, port=options.port) as server:
        print(json.dumps({"event": "ready", "url": hub.api, "port": hub.port}), flush=True)
        if options.until_eof:
            import threading

            threading.Thread(target=server.serve_forever, daemon=True).start()
            sys.stdin.read()
        else:
            server.serve_forever()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
