import type { CreateRequest } from './wire';

/** ComfyUI's own repository, proposed to everybody. */
export const OFFICIAL = 'https://github.com/comfyanonymous/ComfyUI';

/** Of PyTorch's indexes, those that people have; any other may be typed. */
export const BACKENDS = ['cpu', 'cu118', 'cu126', 'cu128', 'cu130', 'xpu'];

/** What the form for a new version holds, as it was typed. */
export interface IVersionForm {
  readonly id: string;
  readonly repo: string;
  readonly ref: string;
  readonly python: string;
  readonly backend: string;
  readonly nodes: string;
  readonly models: string;
  readonly packages: string;
}

export const EMPTY_FORM: IVersionForm = {
  id: '',
  repo: OFFICIAL,
  ref: 'master',
  python: '3.12',
  backend: '',
  nodes: '',
  models: '',
  packages: ''
};

/** Whether a text can be the id of a version. */
export function isId(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(text);
}

/** What is sent; null while something is missing. */
export function requestOf(form: IVersionForm): CreateRequest | null {
  const id = form.id.trim();
  const repo = form.repo.trim();
  const ref = form.ref.trim();
  if (!isId(id) || repo === '') {
    return null;
  }
  const request: CreateRequest = {
    id,
    repo: ref === '' ? repo : `${repo}@${ref}`,
    nodes: lines(form.nodes),
    models: lines(form.models).map(modelOf),
    python_packages: lines(form.packages)
  };
  const python = form.python.trim();
  const backend = form.backend.trim();
  return {
    ...request,
    ...(python && { python }),
    ...(backend && { torch_backend: backend })
  };
}

function lines(text: string): string[] {
  return text
    .split('\n')
    .map(line => line.trim())
    .filter(Boolean);
}

/** `source folder`: a source and where the file belongs among the models. */
function modelOf(line: string): string {
  const [, source, folder] = /^(\S+)\s+(\S+)$/.exec(line) ?? [];
  return source === undefined || line.startsWith('{')
    ? line
    : JSON.stringify({ source, target_subdir: folder });
}
