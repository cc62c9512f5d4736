import type { FromWorkflowResult, WorkflowFile } from './wire';

type State = WorkflowFile['state'];

/** What asks for a decision comes first. */
const ORDER: readonly State[] = [
  'missing',
  'ambiguous',
  'declared',
  'installed'
];

/** A model file, once, however many nodes name it. */
export interface INamedFile {
  readonly name: string;
  readonly folder: string | null;
  readonly state: State;
  readonly link: string | null;
  /** Bytes, where its host said so. */
  readonly size: number | null;
  /** Whether it can be declared: a workflow says where it comes from. */
  readonly declarable: boolean;
  /** `UNETLoader #12`. */
  readonly nodes: readonly string[];
}

export interface IFileGroup {
  readonly state: State;
  readonly files: readonly INamedFile[];
}

/** The files of a state together, in the order in which they are named. */
export function groupsOf(result: FromWorkflowResult): IFileGroup[] {
  const named = new Map<string, INamedFile>();
  for (const file of result.files) {
    const key = [file.state, file.folder, file.name].join('\n');
    const known = named.get(key);
    const size = file.declaration?.['size_bytes'];
    named.set(key, {
      name: file.name,
      folder: file.folder,
      state: file.state,
      link: known?.link ?? file.link,
      size: known?.size ?? (typeof size === 'number' ? size : null),
      declarable: known?.declarable || file.declaration !== null,
      nodes: [...(known?.nodes ?? []), `${file.node_type} #${file.node_id}`]
    });
  }
  const files = [...named.values()];
  return ORDER.map(state => ({
    state,
    files: files.filter(file => file.state === state)
  })).filter(group => group.files.length > 0);
}

/** Whether accepting does something: something can be declared or installed. */
export function isActionable(result: FromWorkflowResult): boolean {
  return result.files.some(
    file => file.declaration !== null || file.state === 'declared'
  );
}

/** Declared models whose files are not here. */
export function openModels(result: FromWorkflowResult): string[] {
  const open = result.files.filter(file => file.state === 'declared');
  return [...new Set(open.flatMap(file => file.model_id ?? []))];
}

/** A name for the bundle of a workflow: its file's, without folders and ending. */
export function bundleName(file: string): string {
  return file
    .replace(/^.*[\\/]/, '')
    .replace(/\.[^.]*$/, '')
    .trim()
    .replace(/\s+/g, '_');
}
