"""Who may do what: every route, without, with a wrong and with half a credential."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from jupyter_server.auth.authorizer import Authorizer
from lab import TOKEN, Lab

Tell = Callable[..., None]

READS = [("GET", "/api/models"), ("HEAD", "/api/models"), ("GET", "/server")]
WRITES = [
    ("POST", "/api/models/install"),
    ("PUT", "/api/models"),
    ("DELETE", "/api/models/x/file"),
    ("POST", "/server/restart"),
]


async def log_in(lab: Lab, client: httpx.AsyncClient) -> str:
    """Get the login cookie as a browser does, and return the XSRF token."""
    await client.get(f"{lab.base}login")
    await client.get(f"{lab.base}api/status", params={"token": TOKEN})
    return str(client.cookies["_xsrf"])


@pytest.mark.parametrize("headers", [{}, {"Authorization": "token wrong"}], ids=["none", "wrong"])
def test_refuses_every_route_without_a_right_credential(
    tell: Tell, headers: dict[str, str]
) -> None:
    async def story(lab: Lab) -> None:
        async with lab.client(headers=headers) as client:
            for method, path in READS + WRITES:
                answer = await client.request(method, f"{lab.url}{path}")
                assert answer.status_code == 403, (method, path)

    tell(story)


def test_a_cookie_may_read_but_not_change_without_xsrf(tell: Tell) -> None:
    async def story(lab: Lab) -> None:
        async with lab.client() as client:
            xsrf = await log_in(lab, client)
            for method, path in READS:
                answer = await client.request(method, f"{lab.url}{path}")
                assert answer.status_code == 200, (method, path)
            for method, path in WRITES:
                answer = await client.request(method, f"{lab.url}{path}")
                assert answer.status_code == 403, (method, path)
            for method, path in WRITES:
                token = {"X-XSRFToken": xsrf}
                answer = await client.request(method, f"{lab.url}{path}", headers=token)
                assert answer.status_code in (200, 202), (method, path)
                await lab.cockpit.daemon.wait_for("ready")

    tell(story)


def test_refuses_a_foreign_origin(tell: Tell) -> None:
    async def story(lab: Lab) -> None:
        async with lab.client(headers={"Origin": "https://elsewhere.example"}) as client:
            xsrf = await log_in(lab, client)
            for method, path in READS + WRITES:
                token = {"X-XSRFToken": xsrf}
                answer = await client.request(method, f"{lab.url}{path}", headers=token)
                assert answer.status_code == 404, (method, path)

    tell(story)


class ReadsOnly(Authorizer):
    def is_authorized(self, handler: object, user: object, action: str, resource: str) -> bool:
        assert resource == "comfyui_cockpit"
        return action == "read"


def test_asks_for_the_right_of_each_verb(tell: Tell) -> None:
    async def story(lab: Lab) -> None:
        for method, path in READS + WRITES + READS:
            answer = await lab.request(method, path)
            assert answer.status_code == (200 if method in ("GET", "HEAD") else 403), (method, path)

    tell(story, authorizer_class=ReadsOnly)


def test_says_that_a_server_without_authentication_has_none(
    tell: Tell, capfd: pytest.CaptureFixture[str]
) -> None:
    async def story(lab: Lab) -> None:
        async with lab.client() as client:
            document = (await client.get(f"{lab.url}/server")).json()
        assert document["authentication"] is False
        assert document["state"] == "ready"

    tell(story, token="")
    assert "no token and no password" in capfd.readouterr().err


def test_says_that_a_server_with_a_token_has_authentication(tell: Tell) -> None:
    async def story(lab: Lab) -> None:
        assert (await lab.request("GET", "/server")).json()["authentication"] is True

    tell(story)
