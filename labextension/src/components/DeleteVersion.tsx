import { useEffect, useMemo, useState, type ReactElement } from 'react';

import type { DeleteOptions, FreedResult } from '../wire';
import { useServices } from './context';
import { Freed } from './Freed';
import { Refused } from './Refused';

type Looked =
  | { kind: 'asking' }
  | { kind: 'found'; result: FreedResult }
  | { kind: 'refused'; error: unknown };

interface IDeleteVersionProps {
  id: string;
  /** Whether it is realized: else there is only its spec. */
  built: boolean;
  answer(value: DeleteOptions | null): void;
}

/** What a deletion removes, byte for byte, before it is done. */
export function DeleteVersion(props: IDeleteVersionProps): ReactElement {
  const { trans, model } = useServices();
  const { id, built, answer } = props;
  const [models, setModels] = useState(false);
  const [root, setRoot] = useState(false);
  const [spec, setSpec] = useState(!built);
  const [looked, setLooked] = useState<Looked>({ kind: 'asking' });
  const options = useMemo(
    (): DeleteOptions => ({
      remove_models: models,
      remove_root: root,
      remove_spec: spec
    }),
    [models, root, spec]
  );
  useEffect(() => {
    let gone = false;
    answer(null);
    model.versions.lookDelete(id, options).then(
      result => {
        if (!gone) {
          setLooked({ kind: 'found', result });
          answer(result.removed.length > 0 ? options : null);
        }
      },
      (error: unknown) => gone || setLooked({ kind: 'refused', error })
    );
    return () => {
      gone = true;
    };
  }, [id, options, model, answer]);
  const box = (
    checked: boolean,
    set: (value: boolean) => void,
    label: string
  ) => (
    <label>
      <input
        type="checkbox"
        checked={checked}
        onChange={event => set(event.target.checked)}
      />
      <span>{label}</span>
    </label>
  );
  return (
    <div className="jp-ComfyCockpit-plan">
      <fieldset className="jp-ComfyCockpit-choices">
        <legend>{trans.__('Besides what was built')}</legend>
        {box(models, setModels, trans.__('its models'))}
        {box(root, setRoot, trans.__('inputs, outputs and settings'))}
        {box(spec, setSpec, trans.__('the spec and its lock'))}
      </fieldset>
      {looked.kind === 'asking' && <p role="status">{trans.__('Looking…')}</p>}
      {looked.kind === 'refused' && <Refused error={looked.error} />}
      {looked.kind === 'found' && (
        <Freed
          result={looked.result}
          nothing={trans.__('There is nothing to delete.')}
        />
      )}
    </div>
  );
}
