import { useEffect, useId, useState, type ReactElement } from 'react';

import { isId } from '../versionForm';
import { useServices } from './context';

interface ICloneVersionProps {
  id: string;
  /** Names that there are. */
  taken: readonly string[];
  answer(value: string | null): void;
}

/** Another name for the same version. */
export function CloneVersion(props: ICloneVersionProps): ReactElement {
  const { trans } = useServices();
  const { answer, taken } = props;
  const [name, setName] = useState(() => proposal(props.id, taken));
  const field = useId();
  const to = name.trim();
  const there = taken.includes(to);
  const good = isId(to) && !there;
  useEffect(() => {
    answer(good ? to : null);
  }, [answer, good, to]);
  return (
    <div className="jp-ComfyCockpit-form">
      <label htmlFor={field}>{trans.__('Name of the new version')}</label>
      <input
        id={field}
        className="jp-mod-styled"
        type="text"
        spellCheck={false}
        autoComplete="off"
        value={name}
        onChange={event => setName(event.target.value)}
      />
      <div role="status" className="jp-ComfyCockpit-muted">
        {there
          ? trans.__('There is one of this name already.')
          : trans.__('It begins with the same spec and the same lock.')}
      </div>
    </div>
  );
}

function proposal(id: string, taken: readonly string[]): string {
  const base = id.replace(/-\d+$/, '');
  for (let number = 2; ; number += 1) {
    const name = `${base}-${number}`;
    if (!taken.includes(name)) {
      return name;
    }
  }
}
