"""A ComfyUI as whoever calls it sees it: `main.py` of the test repositories.

It answers as server.py and execution.py of ComfyUI 0.3.64 do: the same routes, the same errors, the same history; its
nodes are few, and need no PyTorch. It runs inside the environment that a version realizes, on the standard library
alone. The same commands on the real one: docs/explanation/a-real-comfyui.md.
"""

from __future__ import annotations

import argparse
import copy
import http.server
import json
import logging
import os
import random
import re
import struct
import sys
import threading
import time
import traceback
import uuid
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

HERE = Path(__file__).absolute().parent


def arguments() -> argparse.Namespace:
    """Return the arguments of comfy/cli_args.py that somebody here uses; others are errors, as there."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", type=str, default="127.0.0.1", nargs="?", const="0.0.0.0,::")
    parser.add_argument("--port", type=int, default=8188)
    parser.add_argument("--output-directory", type=str, default=None)
    parser.add_argument("--temp-directory", type=str, default=None)
    parser.add_argument("--auto-launch", action="store_true")
    parser.add_argument("--disable-auto-launch", action="store_true")
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--lowvram", action="store_true")
    parser.add_argument("--disable-all-custom-nodes", action="store_true")
    return parser.parse_args()


ARGS = arguments()
OUTPUT = Path(ARGS.output_directory or HERE / "output").absolute()
TEMP = Path(ARGS.temp_directory or HERE).absolute() / "temp"


class InterruptedByUserError(Exception):
    """Somebody asked for the end."""


def png(width: int, height: int, color: int, prompt: Any) -> bytes:
    """Return a picture of one colour that carries its workflow, as SaveImage writes it."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    row = b"\0" + color.to_bytes(3, "big") * width
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"tEXt", b"prompt\0" + json.dumps(prompt).encode("latin-1", "replace"))
        + chunk(b"IDAT", zlib.compress(row * height, 4))
        + chunk(b"IEND", b"")
    )


def place(folder: Path, prefix: str) -> tuple[Path, str, str, int]:
    """Return directory, name, subfolder and number for the next file: folder_paths.get_save_image_path."""
    subfolder, name = os.path.split(os.path.normpath(prefix))
    directory = folder / subfolder
    if not Path(os.path.normpath(directory)).is_relative_to(folder):
        raise Exception(
            "**** ERROR: Saving image outside the output folder is not allowed.\n"
            f" full_output_folder: {directory}"
        )
    directory.mkdir(parents=True, exist_ok=True)
    counted = re.compile(re.escape(name) + r"_(\d+)_?\b")
    numbers = [int(found[1]) for each in directory.iterdir() if (found := counted.match(each.name))]
    return directory, name, subfolder, max(numbers, default=0) + 1


# The nodes. Each: its required inputs as (type, options), whether it is an output, and what it does.


def empty_image(prompt: Any, width: int, height: int, batch_size: int, color: int) -> Any:
    return {"result": [(width, height, color)] * batch_size}


def save_image(prompt: Any, images: Any, filename_prefix: str) -> Any:
    return pictures(prompt, images, OUTPUT, "output", filename_prefix)


def preview_image(prompt: Any, images: Any) -> Any:
    return pictures(prompt, images, TEMP, "temp", "ComfyUI_temp_abcde")


def pictures(prompt: Any, images: Any, folder: Path, kind: str, prefix: str) -> Any:
    directory, name, subfolder, number = place(folder, prefix)
    saved = []
    for width, height, color in images:
        file = f"{name}_{number:05}_.png"
        (directory / file).write_bytes(png(width, height, color, prompt))
        saved.append({"filename": file, "subfolder": subfolder, "type": kind})
        number += 1
    return {"ui": {"images": saved}}


def preview_any(prompt: Any, source: Any) -> Any:
    return {"ui": {"text": [str(source)]}}


def save_bytes(prompt: Any, size: int, name: str, key: str) -> Any:
    """Save a file of any kind under the key that its node uses: gifs, audio, 3d."""
    path = OUTPUT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\1" * size)
    folder, file = os.path.split(name)
    return {"ui": {key: [{"filename": file, "subfolder": folder, "type": "output"}]}}


def says(prompt: Any, filename: str, subfolder: str) -> Any:
    """Say that it saved something, whatever the truth is."""
    return {"ui": {"images": [{"filename": filename, "subfolder": subfolder, "type": "output"}]}}


def save_quietly(prompt: Any, name: str) -> Any:
    """Save as nodes that save models do: nothing is told."""
    (OUTPUT / name).parent.mkdir(parents=True, exist_ok=True)
    (OUTPUT / name).write_bytes(b"weights")
    return {}


def choose(prompt: Any, ckpt_name: str) -> Any:
    return {"ui": {"text": [ckpt_name]}}


HELD: dict[str, bytes] = {}


def hold(prompt: Any, name: str) -> Any:
    """Keep a file in a place of its own, which only /view knows."""
    HELD[name] = b"held"
    return {"ui": {"images": [{"filename": name, "subfolder": "mine", "type": "output"}]}}


def sleep(prompt: Any, seconds: float) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if QUEUE.interrupted:
            raise InterruptedByUserError
        time.sleep(0.05)
    return {"ui": {"text": ["slept"]}}


def fail(prompt: Any, message: str) -> Any:
    raise ValueError(message)


class OutOfMemoryError(Exception):
    """PyTorch's."""


OutOfMemoryError.__module__ = "torch"


def out_of_memory(prompt: Any) -> Any:
    raise OutOfMemoryError("Allocation on device ")


def die(prompt: Any, status: int) -> Any:
    print("Killed by a node", file=sys.stderr, flush=True)
    os._exit(status)


def environment(prompt: Any, name: str) -> Any:
    return {"ui": {"text": [f"{name}={os.environ.get(name)}"]}}


INT, FLOAT, STRING, IMAGE, ANY, COMBO = "INT", "FLOAT", "STRING", "IMAGE", "*", "COMBO"
SIZE = (INT, {"default": 512, "min": 1, "max": 16384})
NODES: dict[str, tuple[dict[str, tuple[str, dict[str, Any]]], bool, Any]] = {
    "EmptyImage": (
        {
            "width": SIZE,
            "height": SIZE,
            "batch_size": (INT, {"min": 1, "max": 4096}),
            "color": (INT, {"min": 0, "max": 0xFFFFFF}),
        },
        False,
        empty_image,
    ),
    "SaveImage": ({"images": (IMAGE, {}), "filename_prefix": (STRING, {})}, True, save_image),
    "PreviewImage": ({"images": (IMAGE, {})}, True, preview_image),
    "PreviewAny": ({"source": (ANY, {})}, True, preview_any),
    "SaveBytes": (
        {"size": (INT, {"min": 0, "max": 1 << 40}), "name": (STRING, {}), "key": (STRING, {})},
        True,
        save_bytes,
    ),
    "Says": ({"filename": (STRING, {}), "subfolder": (STRING, {})}, True, says),
    "SaveQuietly": ({"name": (STRING, {})}, True, save_quietly),
    "Choose": ({"ckpt_name": (COMBO, {"values": []})}, True, choose),
    "Hold": ({"name": (STRING, {})}, True, hold),
    "Sleep": ({"seconds": (FLOAT, {"min": 0, "max": 3600})}, True, sleep),
    "Fail": ({"message": (STRING, {})}, True, fail),
    "OutOfMemory": ({}, True, out_of_memory),
    "Die": ({"status": (INT, {"min": 0, "max": 255})}, True, die),
    "Environment": ({"name": (STRING, {})}, True, environment),
}


def error(kind: str, message: str, details: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "message": message, "details": details, "extra_info": more}


def is_link(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2


def reasons(prompt: Any, node: str, seen: dict[str, list[Any]]) -> list[Any]:
    """Return what is wrong with a node and those that it needs: execution.validate_inputs."""
    if node in seen:
        return seen[node]
    seen[node] = found = []
    required = NODES[prompt[node]["class_type"]][0]
    inputs = prompt[node]["inputs"]
    bad_upstream = False
    for name, (kind, options) in required.items():
        if name not in inputs:
            found.append(
                error("required_input_missing", "Required input is missing", name, input_name=name)
            )
            continue
        value = inputs[name]
        if is_link(value):
            bad_upstream |= bool(reasons(prompt, value[0], seen)) or not valid(
                prompt, value[0], seen
            )
            continue
        try:
            value = {INT: int, FLOAT: float, STRING: str}.get(kind, lambda each: each)(value)
        except (TypeError, ValueError) as e:
            found.append(
                error(
                    "invalid_input_type",
                    f"Failed to convert an input value to a {kind} value",
                    f"{name}, {inputs[name]}, {e}",
                    input_name=name,
                )
            )
            continue
        inputs[name] = value
        if "values" in options and value not in options["values"]:
            details = f"{name}: '{value}' not in {options['values']}"
            found.append(error("value_not_in_list", "Value not in list", details, input_name=name))
        if "min" in options and value < options["min"]:
            found.append(
                error(
                    "value_smaller_than_min",
                    f"Value {value} smaller than min of {options['min']}",
                    name,
                    input_name=name,
                )
            )
        if "max" in options and value > options["max"]:
            found.append(
                error(
                    "value_bigger_than_max",
                    f"Value {value} bigger than max of {options['max']}",
                    name,
                    input_name=name,
                )
            )
    if bad_upstream:
        seen.setdefault(node + "!", [1])
    return found


def valid(prompt: Any, node: str, seen: dict[str, list[Any]]) -> bool:
    return not reasons(prompt, node, seen) and node + "!" not in seen


def validate(prompt: Any) -> tuple[Any, list[str], dict[str, Any]]:
    """Return an error, the outputs that may run, and the errors of nodes: execution.validate_prompt."""
    for node, what in prompt.items():
        if "class_type" not in what:
            message = "Cannot execute because a node is missing the class_type property."
            return error("invalid_prompt", message, f"Node ID '#{node}'"), [], {}
        if what["class_type"] not in NODES:
            message = f"Cannot execute because node {what['class_type']} does not exist."
            return error("invalid_prompt", message, f"Node ID '#{node}'"), [], {}
    outputs = [node for node, what in prompt.items() if NODES[what["class_type"]][1]]
    if not outputs:
        return error("prompt_no_outputs", "Prompt has no outputs", ""), [], {}
    seen: dict[str, list[Any]] = {}
    good = [node for node in outputs if valid(prompt, node, seen)]
    node_errors = {
        node: {
            "errors": found,
            "dependent_outputs": [each for each in outputs if each not in good],
            "class_type": prompt[node]["class_type"],
        }
        for node, found in seen.items()
        if found and not node.endswith("!")
    }
    if not good:
        details = "\n".join(
            f"{each['message']}: {each['details']}"
            for node in outputs
            for each in seen.get(node, [])
            if isinstance(each, dict)
        )
        message = "Prompt outputs failed validation"
        return error("prompt_outputs_failed_validation", message, details), [], node_errors
    return None, good, node_errors


class Queue:
    """What waits, what runs, what ran: execution.PromptQueue."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.pending: list[tuple[float, str, Any, Any, list[str]]] = []
        self.running: list[tuple[float, str, Any, Any, list[str]]] = []
        self.history: dict[str, Any] = {}
        self.interrupted = False

    def put(self, item: tuple[float, str, Any, Any, list[str]]) -> None:
        with self.changed:
            self.pending.append(item)
            self.changed.notify()

    def work(self) -> None:
        while True:
            with self.changed:
                while not self.pending:
                    self.changed.wait()
                item = self.pending.pop(0)
                self.running.append(item)
            self.interrupted = False
            begin = time.monotonic()
            outputs, status = execute(item)
            with self.changed:
                self.running.remove(item)
                self.history[item[1]] = {
                    "prompt": copy.deepcopy(item),
                    "outputs": outputs,
                    "status": status,
                    "meta": {},
                }
            logging.info("Prompt executed in %.2f seconds", time.monotonic() - begin)


def execute(item: tuple[float, str, Any, Any, list[str]]) -> tuple[dict[str, Any], dict[str, Any]]:
    _, prompt_id, prompt, _, wanted = item
    messages: list[Any] = [["execution_start", {"prompt_id": prompt_id, "timestamp": 0}]]
    outputs: dict[str, Any] = {}
    results: dict[str, Any] = {}
    running: list[str] = []

    def run(node: str) -> Any:
        if node not in results:
            inputs = {
                name: run(value[0]) if is_link(value) else value
                for name, value in prompt[node]["inputs"].items()
            }
            running.append(node)
            done = NODES[prompt[node]["class_type"]][2](prompt, **inputs)
            running.pop()
            results[node] = done.get("result")
            if "ui" in done:
                outputs[node] = done["ui"]
        return results[node]

    try:
        # The real one takes them as a set gives them.
        for node in random.sample(wanted, len(wanted)):
            run(node)
    except InterruptedByUserError:
        node = running[-1]
        said = {
            "prompt_id": prompt_id,
            "node_id": node,
            "node_type": prompt[node]["class_type"],
            "executed": list(results),
        }
        messages.append(["execution_interrupted", said])
        return outputs, {"status_str": "error", "completed": False, "messages": messages}
    except Exception as e:
        logging.error("!!! Exception during processing !!! %s", e)
        logging.error(traceback.format_exc())
        node = running[-1]
        module = type(e).__module__
        kind = type(e).__name__ if module == "builtins" else f"{module}.{type(e).__name__}"
        said = {
            "prompt_id": prompt_id,
            "node_id": node,
            "node_type": prompt[node]["class_type"],
            "executed": list(results),
            "exception_message": f"{e}\n",
            "exception_type": kind,
            "traceback": traceback.format_tb(e.__traceback__),
            # Python's JSON has a word for it, and other programs' have none.
            "current_inputs": {"strength": [float("nan")]},
            "current_outputs": list(outputs),
        }
        messages.append(["execution_error", said])
        return outputs, {"status_str": "error", "completed": False, "messages": messages}
    messages.append(["execution_success", {"prompt_id": prompt_id, "timestamp": 0}])
    return outputs, {"status_str": "success", "completed": True, "messages": messages}


QUEUE = Queue()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        if self.path == "/system_stats":
            return self.answer(200, self.stats())
        if self.path == "/queue":
            with QUEUE.changed:
                return self.answer(
                    200, {"queue_running": QUEUE.running, "queue_pending": QUEUE.pending}
                )
        if self.path.startswith("/view?"):
            return self.view(parse_qs(urlsplit(self.path).query))
        if self.path.startswith("/history/"):
            name = self.path.removeprefix("/history/")
            with QUEUE.changed:
                found = QUEUE.history.get(name)
            return self.answer(200, {} if found is None else {name: found})
        return self.answer(404, {})

    def view(self, query: dict[str, list[str]]) -> None:
        held = HELD.get(query["filename"][0])
        self.send_response(404 if held is None else 200)
        self.send_header("Content-Length", str(len(held or b"")))
        self.end_headers()
        self.wfile.write(held or b"")

    def stats(self) -> dict[str, Any]:
        version = (HERE / "comfyui_version.txt").read_text().strip()
        system = {
            "os": os.name,
            "ram_total": 1,
            "ram_free": 1,
            "comfyui_version": version,
            "python_version": sys.version,
            "argv": sys.argv,
        }
        return {"system": system, "devices": []}

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/interrupt":
            QUEUE.interrupted = True
            return self.answer(200, {})
        if self.path != "/prompt":
            return self.answer(404, {})
        body = json.loads(content)
        if "prompt" not in body:
            none = error("no_prompt", "No prompt provided", "No prompt provided")
            return self.answer(400, {"error": none, "node_errors": {}})
        logging.info("got prompt")
        prompt_id = str(body.get("prompt_id", uuid.uuid4()))
        wrong, outputs, node_errors = validate(body["prompt"])
        if wrong is not None:
            logging.warning("invalid prompt: %s", wrong)
            return self.answer(400, {"error": wrong, "node_errors": node_errors})
        QUEUE.put((0, prompt_id, body["prompt"], {"client_id": body.get("client_id")}, outputs))
        return self.answer(200, {"prompt_id": prompt_id, "number": 0, "node_errors": node_errors})

    def answer(self, status: int, document: Any) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    TEMP.mkdir(parents=True, exist_ok=True)
    if os.environ.get("COMFY_TEST_START") == "fails":
        raise SystemExit("ModuleNotFoundError: No module named 'requests'")
    time.sleep(float(os.environ.get("COMFY_TEST_SLOW", "0")))
    try:
        server = http.server.ThreadingHTTPServer((ARGS.listen, ARGS.port), Handler)
    except OSError as e:
        # As asyncio says it.
        raise OSError(
            e.errno,
            f"error while attempting to bind on address ('{ARGS.listen}', {ARGS.port}): address already in use",
        ) from e
    threading.Thread(target=QUEUE.work, daemon=True).start()
    print("Starting server\n")
    print(f"To see the GUI go to: http://{ARGS.listen}:{ARGS.port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
