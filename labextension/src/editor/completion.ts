/** What is proposed at a place of models.json, and what it replaces. */
export interface IProposals {
  /** Offsets in the text. */
  readonly start: number;
  readonly end: number;
  readonly items: readonly IProposal[];
}

export interface IProposal {
  readonly label: string;
  readonly insertText: string;
}

export const MODEL_KEYS = [
  'source',
  'path',
  'display_name',
  'version',
  'type',
  'sha256',
  'size_bytes'
] as const;

export const BUNDLE_KEYS = [
  'models',
  'description',
  'auto_install',
  'enabled'
] as const;

/** What a source has besides `kind`. */
export const SOURCE_KEYS: Readonly<Record<string, readonly string[]>> = {
  civitai: ['version_id', 'model_id', 'file_id', 'type', 'format'],
  huggingface: ['repo_id', 'filename', 'revision', 'repo_type'],
  url: ['url'],
  gcs: ['bucket', 'object', 'generation'],
  file: ['path']
};

const URIS = [
  'hf://',
  'civitai://models/',
  'urn:air:',
  'https://',
  'gs://',
  'file:///'
];

/** ComfyUI's folders, and what a model in each is called. */
const FOLDERS: Readonly<Record<string, string>> = {
  checkpoints: 'checkpoint',
  diffusion_models: 'diffusion_model',
  text_encoders: 'text_encoder',
  vae: 'vae',
  loras: 'lora',
  controlnet: 'controlnet',
  clip_vision: 'clip_vision',
  embeddings: 'embedding',
  upscale_models: 'upscaler',
  latent_upscale_models: 'latent_upscale_model',
  style_models: 'style_model',
  model_patches: 'model_patch',
  audio_encoders: 'audio_encoder',
  gligen: 'gligen',
  hypernetworks: 'hypernetwork',
  photomaker: 'photomaker',
  vae_approx: 'vae_approx'
};

/** @param offset Where the cursor stands; null where nothing is proposed: outside of a string. */
export function propose(text: string, offset: number): IProposals | null {
  const spot = scan(text, offset);
  if (spot.start === null) {
    return null;
  }
  const { start, path, used, isKey } = spot;
  const rest = /^(?:[^"\\\n]|\\.)*("?)(\s*:)?/.exec(text.slice(offset));
  const closed = rest?.[1] === '"';
  const inside = closed ? offset + rest[0].indexOf('"') : offset;
  const end = closed ? inside + 1 : inside;
  const whole = (labels: readonly string[], after: string): IProposals => ({
    start,
    end,
    items: labels.map(label => ({ label, insertText: `${label}"${after}` }))
  });
  if (isKey) {
    const keys = keysAt(path, spot.kind).filter(key => !used.includes(key));
    return whole(keys, rest?.[2] ? '' : ': ');
  }
  const key = path.at(-1);
  if (path[0] === 'models' && path.length === 3 && typeof key === 'string') {
    switch (key) {
      case 'type':
        return whole(Object.values(FOLDERS), '');
      case 'path':
        // The file's own name follows.
        return begin(
          Object.keys(FOLDERS).map(folder => `${folder}/`),
          start,
          inside
        );
      case 'source':
        return begin(URIS, start, inside);
    }
  }
  if (path[0] === 'models' && path[2] === 'source' && path.length === 4) {
    switch (key) {
      case 'kind':
        return whole(Object.keys(SOURCE_KEYS), '');
      case 'repo_type':
        return whole(['model', 'dataset', 'space'], '');
    }
  }
  if (path[0] === 'bundles' && path[2] === 'models' && path.length === 4) {
    const { ids } = scan(text, text.length);
    return whole(
      ids.filter(id => !used.includes(id)),
      ''
    );
  }
  return null;
}

function begin(
  labels: readonly string[],
  start: number,
  end: number
): IProposals {
  const items = labels.map(label => ({ label, insertText: label }));
  return { start, end, items };
}

function keysAt(path: Path, kind: string | null): readonly string[] {
  const [section] = path;
  switch (path.length) {
    case 0:
      return ['models', 'bundles'];
    case 2:
      return section === 'models'
        ? MODEL_KEYS
        : section === 'bundles'
          ? BUNDLE_KEYS
          : [];
    case 3:
      return section === 'models' && path[2] === 'source'
        ? ['kind', ...sourceKeys(kind)]
        : [];
    default:
      return [];
  }
}

function sourceKeys(kind: string | null): readonly string[] {
  return kind === null
    ? [...new Set(Object.values(SOURCE_KEYS).flat())]
    : (SOURCE_KEYS[kind] ?? []);
}

type Path = readonly (string | number)[];

interface ISpot {
  /** After the quote of the string that is open; null where none is. */
  start: number | null;
  isKey: boolean;
  /** Of the open string; for a key, of its object. */
  path: Path;
  /** Keys or elements of the innermost object or list so far. */
  used: readonly string[];
  /** `kind` of the innermost object, where it came before. */
  kind: string | null;
  /** Ids of models so far. */
  ids: readonly string[];
}

interface IFrame {
  /** Null: a list. */
  key: string | null;
  isList: boolean;
  isKey: boolean;
  index: number;
  used: string[];
  kind: string | null;
}

/** Reads the text up to an offset, as far as it goes: while people type it is seldom whole. */
function scan(text: string, end: number): ISpot {
  const frames: IFrame[] = [];
  const ids: string[] = [];
  let start: number | null = null;
  const path = (to = frames.length): Path =>
    frames
      .slice(0, to)
      .map(frame => (frame.isList ? frame.index : (frame.key ?? '')));
  const close = (string: string): void => {
    const frame = frames.at(-1);
    if (!frame) {
      return;
    }
    if (frame.isList || frame.isKey) {
      frame.used.push(string);
    }
    if (frame.isKey) {
      frame.key = string;
      if (frames.length === 2 && frames[0]?.key === 'models') {
        ids.push(string);
      }
    } else if (frame.key === 'kind') {
      frame.kind = string;
    }
  };
  for (let at = 0; at < end; at += 1) {
    const char = text[at];
    const frame = frames.at(-1);
    if (start !== null) {
      if (char === '\\') {
        at += 1;
      } else if (char === '"') {
        close(text.slice(start, at));
        start = null;
      } else if (char === '\n') {
        // A string that was never closed.
        start = null;
      }
      continue;
    }
    switch (char) {
      case '"':
        start = at + 1;
        break;
      case '{':
      case '[':
        frames.push({
          key: null,
          isList: char === '[',
          isKey: char === '{',
          index: 0,
          used: [],
          kind: null
        });
        break;
      case '}':
      case ']':
        frames.pop();
        break;
      case ':':
        if (frame) {
          frame.isKey = false;
        }
        break;
      case ',':
        if (frame) {
          frame.isKey = !frame.isList;
          frame.index += 1;
        }
        break;
    }
  }
  const inner = frames.at(-1);
  const isKey = inner?.isKey ?? false;
  return {
    start,
    isKey,
    path: path(isKey ? frames.length - 1 : frames.length),
    used: inner?.used ?? [],
    kind: inner?.kind ?? null,
    ids
  };
}
