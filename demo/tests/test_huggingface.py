"""The fake hub, seen by the real client."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.errors import (
    DisabledRepoError,
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from demo.hub.exchange import Hub
from demo.hub.huggingface import REPOS, find_repo

MODEL = "model.safetensors"


def download(hub: Hub, cache: Path, repo: str, file: str = MODEL, **more: object) -> Path:
    options = {"endpoint": hub.api, "cache_dir": cache, "token": False} | more
    return Path(hf_hub_download(repo, file, **options))


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize("file", [MODEL, "config.json", "empty.txt", "model.gguf"])
def test_the_client_downloads(hub: Hub, tmp_path: Path, file: str) -> None:
    got = download(hub, tmp_path, "demo/mixed", file)
    assert sha256(got) == REPOS["demo/mixed"].files[file].sha256


def test_the_client_downloads_from_an_awkward_path(hub: Hub, tmp_path: Path) -> None:
    file = "subfolder/to?/awful?filename%you:should,never.give"
    assert download(hub, tmp_path, "demo/mixed", file).read_text() == "awful\n"


def test_the_client_follows_a_renamed_repository(hub: Hub, tmp_path: Path) -> None:
    got = download(hub, tmp_path, "old/renamed", "config.json", token="hf_reader")
    assert got.read_bytes() == REPOS["demo/mixed"].files["config.json"].head


def test_the_client_downloads_a_revision_and_a_dataset(hub: Hub, tmp_path: Path) -> None:
    got = download(hub, tmp_path, "demo/mixed", "config.json", revision="refs/pr/1")
    assert got.is_file()
    got = download(hub, tmp_path, "demo/data", "data.json", repo_type="dataset")
    assert got.read_text() == '{"a": 1}\n'


def test_no_token_reaches_the_storage(hub: Hub, tmp_path: Path) -> None:
    download(hub, tmp_path, "demo/mixed", token="hf_demo")
    hops = {entry["kind"]: entry for entry in hub.entries}
    assert hops["resolve"]["authorization"]
    assert not hops["cdn"]["authorization"]
    assert hops["cdn"]["status"] == 200
    assert hops["cdn"]["host"].startswith("localhost:")
    assert hops["resolve"]["host"].startswith("127.0.0.1:")


def test_metadata_comes_from_the_hubs_own_redirect(hub: Hub) -> None:
    body = REPOS["demo/mixed"].files[MODEL]
    url = hf_hub_url("demo/mixed", MODEL, endpoint=hub.api)
    metadata = get_hf_file_metadata(url, endpoint=hub.api, token=False)
    assert metadata.etag == body.sha256
    assert metadata.size == body.size
    assert metadata.commit_hash == REPOS["demo/mixed"].commit
    assert metadata.location.startswith(hub.cdn)


def test_metadata_of_a_small_file_is_gits(hub: Hub) -> None:
    body = REPOS["demo/mixed"].files["config.json"]
    url = hf_hub_url("demo/mixed", "config.json", endpoint=hub.api)
    metadata = get_hf_file_metadata(url, endpoint=hub.api, token=False)
    assert (metadata.etag, metadata.size) == (body.git_sha1, body.size)


def test_model_info_lists_files_with_sizes_and_hashes(hub: Hub) -> None:
    info = HfApi(endpoint=hub.api, token=False).model_info("demo/mixed", files_metadata=True)
    body = REPOS["demo/mixed"].files[MODEL]
    assert info.sha == REPOS["demo/mixed"].commit
    files = {sibling.rfilename: sibling for sibling in info.siblings or []}
    assert files[MODEL].lfs is not None
    assert files[MODEL].lfs.sha256 == body.sha256
    assert files[MODEL].size == body.size
    assert files["config.json"].lfs is None


def test_tree_and_paths_info_agree(hub: Hub) -> None:
    api = HfApi(endpoint=hub.api, token=False)
    tree = {entry.path: entry for entry in api.list_repo_tree("demo/mixed", recursive=True)}
    [asked] = api.get_paths_info("demo/mixed", [MODEL])
    assert tree[MODEL].lfs.sha256 == asked.lfs.sha256
    assert tree[MODEL].size == asked.size
    assert set(tree) == set(REPOS["demo/mixed"].files)


def test_a_gated_repository_shows_its_files_but_not_their_bytes(hub: Hub, tmp_path: Path) -> None:
    info = HfApi(endpoint=hub.api, token=False).model_info("gated/no-licence")
    assert info.gated == "auto"
    for token in (False, "hf_reader"):
        with pytest.raises(GatedRepoError):
            download(hub, tmp_path, "gated/no-licence", token=token)
    assert download(hub, tmp_path, "gated/no-licence", token="hf_demo").is_file()


@pytest.mark.parametrize("token", [False, "hf_reader"])
def test_a_missing_repository(hub: Hub, tmp_path: Path, token: object) -> None:
    with pytest.raises(RepositoryNotFoundError):
        download(hub, tmp_path, "no/such", token=token)


def test_a_private_repository_looks_missing(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(RepositoryNotFoundError):
        download(hub, tmp_path, "private/repo", token="hf_reader")
    assert download(hub, tmp_path, "private/repo", token="hf_demo").is_file()


def test_a_missing_revision_and_a_missing_file(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(RevisionNotFoundError):
        download(hub, tmp_path, "demo/mixed", revision="nowhere")
    with pytest.raises(EntryNotFoundError):
        download(hub, tmp_path, "demo/mixed", "nothing.safetensors")


def test_a_disabled_repository(hub: Hub) -> None:
    url = hf_hub_url("disabled/repo", MODEL, endpoint=hub.api)
    with pytest.raises(DisabledRepoError):
        get_hf_file_metadata(url, endpoint=hub.api, token=False)


def test_a_wrong_token_is_refused_even_for_a_public_file(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(HfHubHTTPError, match="401"):
        download(hub, tmp_path, "demo/mixed", token="hf_wrong")


@pytest.mark.parametrize("fault", ["truncated-once", "reset-twice", "expires-midway", "gguf"])
def test_the_client_gets_over_a_passing_fault(hub: Hub, tmp_path: Path, fault: str) -> None:
    repo = find_repo(f"broken/{fault}.400KiB")
    assert repo
    assert sha256(download(hub, tmp_path, repo.id)) == repo.files[MODEL].sha256


def test_who_am_i(hub: Hub) -> None:
    assert HfApi(endpoint=hub.api).whoami(token="hf_demo")["name"] == "demo"
