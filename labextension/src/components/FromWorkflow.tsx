import Button from '@mui/material/Button';
import {
  useEffect,
  useId,
  useRef,
  useState,
  type ChangeEvent,
  type ReactElement
} from 'react';

import type {
  FromWorkflowRequest,
  FromWorkflowResult,
  UnreadNode,
  WorkflowFile
} from '../wire';
import {
  bundleName,
  groupsOf,
  isActionable,
  type IFileGroup,
  type INamedFile
} from '../workflow';
import { BundleField } from './BundleField';
import { useServices } from './context';
import { Refused } from './Refused';
import { Shape, type ShapeName } from './shapes';
import { facts } from './words';

/** A pause in typing after which the file is read. */
const TYPING_MS = 350;

/** What holds a workflow. */
export const ACCEPTED = '.json,.png,.webp';

type Source = Pick<FromWorkflowRequest, 'files' | 'workflows'>;

type Looked =
  | { kind: 'nothing' }
  | { kind: 'reading' }
  | { kind: 'found'; result: FromWorkflowResult }
  | { kind: 'refused'; error: unknown };

interface IFromWorkflowProps {
  /** Paths in the lab's root; none: it asks for one. */
  files: readonly string[];
  bundles: readonly string[];
  answer(value: FromWorkflowRequest | null): void;
}

/** Which model files a workflow names, and which of them are here. */
export function FromWorkflow(props: IFromWorkflowProps): ReactElement {
  const { trans, model } = useServices();
  const { files, bundles, answer } = props;
  const [source, setSource] = useState<Source>({ files: [...files] });
  const [typed, setTyped] = useState('');
  const [bundle, setBundle] = useState(bundleName(files[0] ?? ''));
  const [looked, setLooked] = useState<Looked>({
    kind: files.length > 0 ? 'reading' : 'nothing'
  });
  const id = useId();

  useEffect(() => {
    if (!source.files?.length && !source.workflows?.length) {
      return;
    }
    let gone = false;
    model.readWorkflow(source).then(
      result => gone || setLooked({ kind: 'found', result }),
      (error: unknown) => gone || setLooked({ kind: 'refused', error })
    );
    return () => {
      gone = true;
    };
  }, [source, model]);

  useEffect(() => {
    if (typed === '') {
      return;
    }
    const timer = setTimeout(() => {
      setLooked({ kind: 'reading' });
      setBundle(bundleName(typed));
      setSource({ files: [typed.replace(/^\//, '')] });
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);

  const found = looked.kind === 'found' ? looked.result : null;
  const actionable = found !== null && isActionable(found);
  useEffect(() => {
    answer(actionable ? { ...source, bundle: bundle.trim() || null } : null);
  }, [answer, actionable, source, bundle]);

  const upload = async (chosen: readonly File[]) => {
    setLooked({ kind: 'reading' });
    setTyped('');
    const workflows = await Promise.all(chosen.map(read));
    setBundle(bundleName(workflows[0]?.name ?? ''));
    setSource({ workflows });
  };

  return (
    <div className="jp-ComfyCockpit-form jp-ComfyCockpit-workflow">
      {files.length > 0 ? (
        <div className="jp-ComfyCockpit-name" title={files.join('\n')}>
          {files.join(', ')}
        </div>
      ) : (
        <Choose
          id={`${id}-file`}
          source={source}
          typed={typed}
          onType={text => {
            setTyped(text);
            if (text === '') {
              setLooked({ kind: 'nothing' });
              setSource({});
            }
          }}
          onChoose={chosen => void upload(chosen)}
        />
      )}
      <div role="status" className="jp-ComfyCockpit-found">
        {looked.kind === 'reading' && trans.__('Reading the workflow…')}
        {looked.kind === 'refused' && <Refused error={looked.error} />}
        {found && <Summary result={found} />}
      </div>
      {actionable && (
        <BundleField bundles={bundles} value={bundle} onChange={setBundle} />
      )}
      {found && (
        <>
          {groupsOf(found).map(group => (
            <Group key={group.state} group={group} />
          ))}
          {found.unread_nodes.length > 0 && (
            <Unread nodes={found.unread_nodes} />
          )}
        </>
      )}
    </div>
  );
}

/** A file of the lab by its path, or files of this computer. */
function Choose(props: {
  id: string;
  source: Source;
  typed: string;
  onType(text: string): void;
  onChoose(files: File[]): void;
}): ReactElement {
  const { trans } = useServices();
  const input = useRef<HTMLInputElement>(null);
  const { id, source, typed } = props;
  const uploaded = source.workflows?.map(entry => entry.name).join(', ');
  return (
    <>
      <label htmlFor={id}>{trans.__('Workflow')}</label>
      <div className="jp-ComfyCockpit-searchLine">
        <input
          id={id}
          className="jp-mod-styled"
          type="text"
          spellCheck={false}
          value={typed}
          placeholder={
            uploaded ?? trans.__('Path of a .json, .png or .webp in the lab')
          }
          onChange={event => props.onType(event.target.value)}
        />
        <Button onClick={() => input.current?.click()}>
          {trans.__('From this computer…')}
        </Button>
        <input
          ref={input}
          type="file"
          hidden
          multiple
          accept={ACCEPTED}
          aria-label={trans.__('From this computer…')}
          onChange={(event: ChangeEvent<HTMLInputElement>) => {
            const chosen = [...(event.target.files ?? [])];
            if (chosen.length > 0) {
              props.onChoose(chosen);
            }
            event.target.value = '';
          }}
        />
      </div>
    </>
  );
}

function Summary({ result }: { result: FromWorkflowResult }): ReactElement {
  const { trans, format } = useServices();
  const groups = groupsOf(result);
  const count = groups.reduce((sum, group) => sum + group.files.length, 0);
  const missing = groups.find(group => group.state === 'missing')?.files ?? [];
  const bytes = missing.reduce((sum, file) => sum + (file.size ?? 0), 0);
  if (count === 0) {
    return <>{trans.__('No node that is known names a model file.')}</>;
  }
  if (groups.every(group => group.state === 'installed')) {
    return <>{trans.__('Everything is there already.')}</>;
  }
  return (
    <>
      {facts(
        trans._n('%2 model file', '%2 model files', count, format.count(count)),
        bytes > 0 && trans.__('%1 to fetch', format.bytes(bytes))
      )}
    </>
  );
}

function Group({ group }: { group: IFileGroup }): ReactElement {
  const { trans, format } = useServices();
  const say: Record<WorkflowFile['state'], [string, ShapeName]> = {
    missing: [trans.__('Missing'), 'ring'],
    ambiguous: [trans.__('Several declared models fit'), 'unequal'],
    declared: [trans.__('Declared'), 'note'],
    installed: [trans.__('Installed'), 'check']
  };
  const [word, shape] = say[group.state];
  return (
    <section aria-label={word}>
      <h3 className="jp-ComfyCockpit-heading">
        {word}
        <span>{format.count(group.files.length)}</span>
      </h3>
      <ul className="jp-ComfyCockpit-list jp-ComfyCockpit-steps">
        {group.files.map(file => (
          <li
            key={`${file.folder}/${file.name}`}
            className={`jp-mod-${file.state}`}
          >
            <Shape name={shape} />
            <NamedFile file={file} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function NamedFile({ file }: { file: INamedFile }): ReactElement {
  const { trans, format } = useServices();
  const [first, ...others] = file.nodes;
  const more = others.length;
  return (
    <div className="jp-ComfyCockpit-file">
      <div className="jp-ComfyCockpit-line">
        <span className="jp-ComfyCockpit-name" title={file.name}>
          {file.name}
        </span>
        {file.size !== null && (
          <span className="jp-ComfyCockpit-figures">
            {format.bytes(file.size)}
          </span>
        )}
      </div>
      <div className="jp-ComfyCockpit-muted" title={file.nodes.join('\n')}>
        {facts(
          file.folder,
          first,
          more > 0 && trans.__('and %1 more', format.count(more))
        )}
        {file.link && <FileLink link={file.link} />}
      </div>
      {file.state === 'missing' && !file.declarable && (
        <div className="jp-ComfyCockpit-muted">
          {trans.__(
            'The workflow does not say where it comes from: add it by its link.'
          )}
        </div>
      )}
    </div>
  );
}

function FileLink({ link }: { link: string }): ReactElement {
  const host = /^https?:\/\/([^/]+)/.exec(link)?.[1];
  return (
    <>
      {' · '}
      {host ? (
        <a href={link} target="_blank" rel="noreferrer noopener" title={link}>
          {host}
        </a>
      ) : (
        link
      )}
    </>
  );
}

function Unread({ nodes }: { nodes: readonly UnreadNode[] }): ReactElement {
  const { trans, format } = useServices();
  return (
    <details>
      <summary>
        {trans._n(
          '%2 node of an unknown kind names a file',
          '%2 nodes of unknown kinds name files',
          nodes.length,
          format.count(nodes.length)
        )}
      </summary>
      <ul className="jp-ComfyCockpit-list jp-ComfyCockpit-steps">
        {nodes.map((node, index) => (
          <li key={index}>
            <div className="jp-ComfyCockpit-file">
              <div className="jp-ComfyCockpit-name" title={node.name}>
                {node.name}
              </div>
              <div className="jp-ComfyCockpit-muted">
                {`${node.node_type} #${node.node_id}`}
              </div>
            </div>
          </li>
        ))}
      </ul>
    </details>
  );
}

/** A file of this computer, as the daemon takes it. */
function read(file: File): Promise<{ name: string; base64: string }> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () =>
      resolve({
        name: file.name,
        base64: String(reader.result).replace(/^[^,]*,/, '')
      });
    reader.onerror = () => reject(reader.error ?? new Error(file.name));
    reader.readAsDataURL(file);
  });
}
