"""A fake of Hugging Face and Civitai on one port, for the demo and for tests.

It is checked with the real `huggingface_hub` client (demo/tests). Nothing but the standard library.

    python -m demo.hub --port 8123 --rate 15MB --log hub.jsonl
    python -m demo.hub --list

The first line of standard output is JSON: {"event": "ready", "url": "http://127.0.0.1:8123", …}.
Use that URL as `huggingface_endpoint` and `civitai_base_url`. Files come from another host *name*
(`localhost`), as on the real hubs, which answers 400 when it is shown an Authorization header.

Hugging Face
    demo/sdxl-mini, demo/sdxl-vae, demo/upscaler, demo/mixed, datasets/demo/data    right
    old/renamed -> demo/mixed     307, relative
    gated/no-licence, gated/manual, private/repo, disabled/repo
    moving/branch                 `main` moves after the first request; its old commit stays
    sized/<size>                  model.safetensors of that size: sized/64MiB, sized/5GB
    broken/<fault>[.<size>]       model.safetensors with a fault of the table
    broken/hub-hash               the hub publishes a wrong sha256
    Tokens: hf_demo (everything), hf_reader (no licence accepted), hf_scoped (fine-grained, no gated
    repositories). Any other is refused, also for public files.

Civitai
    Versions by number, `--list` shows them. Token: civitai_demo.

Plain hosts
    /files/<fault>/<name>[?size=64MiB]    no redirects, no metadata

Faults
    `--list` shows them. NAME-once, NAME-twice, NAME-7-times: that often, then right. Faults of an
    answer (status-503, rate-limited, redirect-loop, …) come from `resolve`, those of a body from
    the storage. Kinds of wrong files (html, lfs-pointer, json-error, zip, pickle, header-gap, …)
    are sent rightly, with their own hash.

For tests
    GET /hub/log        one entry a request, as in --log: start, end (of the last byte), host, kind
                        (resolve, cdn, download, storage, file, api, page), subject, status, range,
                        whether a token or cookie was there, bytes, total, complete
    POST /hub/reset     forget the log and how often each fault came
    GET /hub/catalogue  everything, with sizes and sha256
    GET /hub/hash?repo=…&path=… | ?version=… | ?fault=…&name=…&size=…    true size and sha256
"""
