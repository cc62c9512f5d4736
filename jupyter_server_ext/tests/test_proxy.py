"""What passes between the browser and the daemon, and what does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest
from lab import SECRET, TOKEN, Lab

Tell = Callable[..., None]


def test_passes_a_request_on_and_the_answer_back(tell: Tell) -> None:
    async def story(lab: Lab) -> None:
        answer = await lab.request("POST", "/api/models/plan?all=1", json={"all": True})
        assert answer.status_code == 200
        seen = answer.json()
        assert (seen["method"], seen["path"]) == ("POST", "/api/models/plan?all=1")
        assert seen["body"] == '{"all":true}'

    tell(story)


def test_keeps_what_is_jupyters_from_the_daemon(tell: Tell) -> None:
    async def story(lab: Lab) -> None:
        private = {
            "Cookie": "username-x=abc",
            "X-XSRFToken": "abc",
            "X-Cockpit-Secret": "forged",
            "Proxy-Authorization": "Basic abc",
            "Accept": "text/html",
        }
        answer = await lab.request("GET", f"/api/seen?token={TOKEN}&a=1&_xsrf=2", headers=private)
        seen = answer.json()
        headers = {name.lower(): value for name, value in seen["headers"].items()}
        assert seen["path"] == "/api/seen?a=1"
        assert headers["x-cockpit-secret"] == SECRET
        assert headers["accept"] == "text/html"
        assert not headers.keys() & {
            "cookie",
            "authorization",
            "x-xsrftoken",
            "proxy-authorization",
        }
        assert TOKEN not in answer.text

    tell(story)


@pytest.mark.parametrize(
    "path", ["/api/a%2Fb", "/api/%E3%83%A2", "/api/a%20b?q=%2F+x", "/api/a/./b"]
)
def test_passes_a_path_on_byte_for_byte(tell: Tell, path: str) -> None:
    async def story(lab: Lab) -> None:
        async with lab.client(headers=lab.headers) as client:
            target = f"/x/y/comfyui-cockpit{path}".encode()
            request = client.build_request("GET", lab.base, extensions={"target": target})
            assert (await client.send(request)).json()["path"] == path

    tell(story)


def test_points_a_location_at_itself(tell: Tell) -> None:
    async def story(lab: Lab) -> None:
        answer = await lab.request("POST", "/api/job")
        assert answer.status_code == 202
        assert answer.headers["Location"] == "/x/y/comfyui-cockpit/api/jobs/1"

    tell(story)


def test_lets_no_cookie_or_weaker_policy_of_the_daemon_through(tell: Tell) -> None:
    async def story(lab: Lab) -> None:
        answer = await lab.request("GET", "/api/hostile")
        assert "a=b" not in answer.headers.get("Set-Cookie", "")
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]

    tell(story)


def test_streams_events_as_they_come_and_closes_behind_the_browser(tell: Tell) -> None:
    async def story(lab: Lab) -> None:
        async with (
            lab.client(headers=lab.headers | {"User-Agent": "browser"}) as client,
            client.stream("GET", f"{lab.url}/api/events") as answer,
        ):
            assert answer.headers["X-Accel-Buffering"] == "no"
            assert answer.headers["Cache-Control"] == "no-store"
            first = await anext(answer.aiter_lines())
            assert first == "event: snapshot"
        for _ in range(50):
            if "an event stream was closed by a browser" in lab.cockpit.daemon.lines:
                return
            await asyncio.sleep(0.1)
        raise AssertionError("the stream to the daemon stayed open")

    tell(story)


def test_does_not_make_half_an_answer_look_whole(tell: Tell) -> None:
    async def story(lab: Lab) -> None:
        with pytest.raises(httpx.RemoteProtocolError):
            await lab.request("GET", "/api/half")

    tell(story)


def test_refuses_an_upgrade(tell: Tell) -> None:
    async def story(lab: Lab) -> None:
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
        answer = await lab.request("GET", "/api/events", headers=upgrade)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")

    tell(story)


def test_answers_503_while_the_daemon_starts(tell: Tell) -> None:
    async def story(lab: Lab) -> None:
        answer = await lab.request("GET", "/api/models")
        assert answer.status_code == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == "starting"
        assert answer.json()["args"]["state"] == "starting"
        assert (await lab.request("GET", "/server")).json()["state"] == "starting"

    tell(story, "slow", ready=False)


def test_answers_502_with_the_log_when_the_daemon_was_given_up(tell: Tell) -> None:
    async def story(lab: Lab) -> None:
        await lab.cockpit.daemon.wait_for("failed")
        answer = await lab.request("GET", "/api/models")
        assert answer.status_code == 502
        assert answer.headers["Content-Type"] == "application/problem+json"
        problem = answer.json()
        assert problem["code"] == "daemon_failed"
        assert problem["args"] == {"state": "failed", "log": ["a line of the daemon's log"] * 4}
        assert "status 3" in problem["detail"]

    tell(story, "crash", ready=False)


def test_reads_only_do_not_keep_an_idle_server_alive(tell: Tell) -> None:
    async def story(lab: Lab) -> None:
        settings = lab.app.web_app.settings
        for path in ("/api/models", "/server"):
            await lab.request("GET", path)
        assert "api_last_activity" not in settings
        await lab.request("POST", "/api/models/install", json={})
        assert "api_last_activity" in settings

    tell(story)


def test_a_running_job_keeps_the_server_alive(tell: Tell) -> None:
    async def story(lab: Lab) -> None:
        settings = lab.app.web_app.settings
        assert "comfyui_cockpit_last_activity" not in settings
        assert lab.cockpit.current_activity() is None
        await lab.request("POST", "/api/job")
        for _ in range(50):
            await asyncio.sleep(0.1)
            if "comfyui_cockpit_last_activity" in settings:
                break
        stamp = settings["comfyui_cockpit_last_activity"]
        assert lab.app.web_app.last_activity() >= stamp
        assert lab.cockpit.current_activity()
        assert lab.app.extension_manager.any_activity()

    tell(story)
