import type { TranslationBundle } from '@jupyterlab/translation';

type Words = readonly [title: string, hint: string];

/** What the daemon says of each code, as docs/reference/errors.md lists it. */
export function catalogue(
  trans: Pick<TranslationBundle, '__'>
): Readonly<Record<string, Words>> {
  return {
    token_missing: [
      trans.__('A token is needed'),
      trans.__("Set the host's token (HF_TOKEN, CIVITAI_TOKEN) and try again.")
    ],
    token_rejected: [
      trans.__('The token was rejected'),
      trans.__(
        'Make a new token at the host and set it; an expired token fails even for public files.'
      )
    ],
    access_denied: [
      trans.__('Access denied'),
      trans.__('Ask the owner for access, or use an account that has it.')
    ],
    licence_not_accepted: [
      trans.__('The licence is not accepted yet'),
      trans.__(
        "Open the model's page, accept its terms with the account of your token, then try again."
      )
    ],
    early_access: [
      trans.__('Early access'),
      trans.__('Wait until the date given, or buy early access at the host.')
    ],
    download_disabled: [
      trans.__('The creator has disabled downloads'),
      trans.__('Choose another version or another source for this model.')
    ],
    removed_by_host: [
      trans.__('Removed by the host'),
      trans.__('Choose another version or another source for this model.')
    ],
    blocked: [
      trans.__('The host or a firewall blocks this machine'),
      trans.__(
        'Try from another network, or set HTTPS_PROXY to a proxy that may reach the host.'
      )
    ],
    repository_not_found: [
      trans.__('Repository not found'),
      trans.__(
        "Check the repository's name; a private one needs HF_TOKEN with the right to read it."
      )
    ],
    revision_not_found: [
      trans.__('Revision not found'),
      trans.__("Check the branch, tag or commit on the repository's page.")
    ],
    file_not_found: [
      trans.__('File not found'),
      trans.__(
        "Check the file name on the model's page; upper and lower case count."
      )
    ],
    version_not_found: [
      trans.__('Version not found'),
      trans.__(
        "Use the version id from the page's address (modelVersionId=…), not the model id."
      )
    ],
    source_ambiguous: [
      trans.__('The source fits more than one file'),
      trans.__('Choose one of the listed files.')
    ],
    source_unsupported: [
      trans.__('This kind of source is not supported'),
      trans.__(
        'Use an http(s), hf://, civitai://, urn:air:, gs:// or file source.'
      )
    ],
    rate_limited: [
      trans.__('The host limits how often it may be asked'),
      trans.__('Wait, then try again; a token raises the limit.')
    ],
    host_error: [
      trans.__('The host answered nonsense or an error of its own'),
      trans.__('Try again later.')
    ],
    connection_failed: [
      trans.__('No connection'),
      trans.__(
        'Check the address, the network and the proxy settings (HTTPS_PROXY, NO_PROXY).'
      )
    ],
    redirect_refused: [
      trans.__('A redirect was refused'),
      trans.__('Use the address of the file itself.')
    ],
    stalled: [
      trans.__('The transfer stalled'),
      trans.__('Try again; if it happens again the host is too slow just now.')
    ],
    incomplete: [
      trans.__('The transfer ended early, again and again'),
      trans.__('Try again later.')
    ],
    not_a_model: [
      trans.__('What came is not a model file'),
      trans.__(
        'Open the address in a browser to see what it serves; a login page or an error text is not a model.'
      )
    ],
    size_differs: [
      trans.__('The size differs'),
      trans.__(
        'Correct size_bytes in models.json, or install with --overwrite if the file is wrong.'
      )
    ],
    checksum_differs: [
      trans.__('The checksum differs'),
      trans.__(
        'Install with --overwrite to fetch the file again, or correct sha256 in models.json.'
      )
    ],
    checksum_of_host_differs: [
      trans.__("The host's own checksum does not fit what it sent"),
      trans.__('Try again later; tell the host if it stays so.')
    ],
    disk_full: [
      trans.__('Not enough space'),
      trans.__('Free space on that file system, or install less.')
    ],
    path_outside_root: [
      trans.__('The path leaves its root'),
      trans.__(
        'Use a path inside models_dir, or list the directory in extra_roots of cockpit.json.'
      )
    ],
    path_taken: [
      trans.__('Something else is at this path'),
      trans.__('Move it away, or choose another path.')
    ],
    not_writable: [
      trans.__('Not writable'),
      trans.__(
        'Give this user the right to write there, or set models_dir to a directory that is writable.'
      )
    ],
    file_missing: [
      trans.__('The file is not there'),
      trans.__('Install it, or correct the path.')
    ],
    git_unreachable: [
      trans.__('The repository cannot be reached'),
      trans.__(
        "Check the repository's address and the network; a private repository needs a login in ~/.netrc, never one in the spec."
      )
    ],
    ref_not_found: [
      trans.__('The repository has no such branch, tag or commit'),
      trans.__(
        "Check the ref on the repository's page; a commit that a force-push removed is gone for those who have no copy."
      )
    ],
    dependency_conflict: [
      trans.__('The requirements contradict each other'),
      trans.__(
        'Loosen one of the two requirements, or leave one of the requesters out.'
      )
    ],
    wheel_missing: [
      trans.__('Packages are missing'),
      trans.__(
        'Bring the listed files into the directory of wheels, or realize with a connection.'
      )
    ],
    package_failed: [
      trans.__('A package could not be installed'),
      trans.__(
        'Read the log; another version of the package may have a wheel for this platform.'
      )
    ],
    interpreter_missing: [
      trans.__('No such Python'),
      trans.__(
        'Install that Python, or name one in "python" of the spec that is here.'
      )
    ],
    lock_stale: [
      trans.__('The lock does not answer the spec'),
      trans.__(
        'Run `comfyui-cockpit version realize`; it resolves what changed and keeps every other pin.'
      )
    ],
    environment_not_realized: [
      trans.__('This version is not realized'),
      trans.__('Run `comfyui-cockpit version realize` first.')
    ],
    environment_broken: [
      trans.__('The environment is not what it was'),
      trans.__(
        'Run `comfyui-cockpit version realize` again; it mends what differs.'
      )
    ],
    not_ours: [
      trans.__('This was not made by us'),
      trans.__('Name a directory that holds ComfyUI or the marker .comfy_env.')
    ],
    port_taken: [
      trans.__('The port is taken'),
      trans.__('Choose another port, or stop the program that listens on it.')
    ],
    instance_unhealthy: [
      trans.__('The server did not come up'),
      trans.__('Read the last lines of its log.')
    ],
    workflow_refused: [
      trans.__('ComfyUI refuses the workflow'),
      trans.__(
        'Correct the nodes listed; a missing node type needs its custom node in the version.'
      )
    ],
    workflow_failed: [
      trans.__('The workflow failed'),
      trans.__(
        "Read the error of the node and the last lines of ComfyUI's log."
      )
    ],
    workflow_timed_out: [
      trans.__('The workflow took too long'),
      trans.__('Allow more with --timeout, or ask for less work.')
    ],
    output_too_large: [
      trans.__('The outputs are too large for base64'),
      trans.__(
        'Deliver them as files or to a bucket: --output file, --output gcs.'
      )
    ],
    bucket_not_writable: [
      trans.__('The bucket cannot be written'),
      trans.__(
        "Check the bucket's name and give the account the right to create objects in it."
      )
    ],
    declaration_invalid: [
      trans.__('The declaration has errors'),
      trans.__(
        'Correct the places listed; nothing is installed from a file with errors.'
      )
    ],
    unknown_id: [
      trans.__('Unknown id'),
      trans.__('Use an id that models.json declares.')
    ],
    bad_request: [
      trans.__('The request is wrong'),
      trans.__('Correct what the detail names.')
    ],
    not_found: [
      trans.__('Not found'),
      trans.__('Check the address or the id.')
    ],
    busy: [trans.__('Busy'), trans.__('Wait until it is done, or cancel it.')],
    cancelled: [
      trans.__('Cancelled'),
      trans.__('Start it again when you want it.')
    ],
    offline: [
      trans.__('Not possible without a connection'),
      trans.__(
        'Run it without --offline once, or bring the listed files by other means.'
      )
    ],
    starting: [trans.__('Starting'), trans.__('Wait a moment.')],
    java_missing: [
      trans.__('No Java that is new enough'),
      trans.__(
        'Install the package again in this environment (it brings Java 25), or name one in COCKPIT_JAVA.'
      )
    ],
    daemon_failed: [
      trans.__('The daemon failed'),
      trans.__('Read the last log lines, then restart the daemon.')
    ]
  };
}
