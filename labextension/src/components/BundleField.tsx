import { useId, type ReactElement } from 'react';

import { useServices } from './context';

/** The bundle that models go into: none, one that is there, or a new one. */
export function BundleField(props: {
  bundles: readonly string[];
  value: string;
  onChange(value: string): void;
}): ReactElement {
  const { trans } = useServices();
  const id = useId();
  return (
    <>
      <label htmlFor={id}>{trans.__('Bundle')}</label>
      <input
        id={id}
        className="jp-mod-styled"
        type="text"
        spellCheck={false}
        list={`${id}-bundles`}
        value={props.value}
        placeholder={trans.__('none, one of yours, or a new one')}
        onChange={event => props.onChange(event.target.value)}
      />
      <datalist id={`${id}-bundles`}>
        {props.bundles.map(entry => (
          <option key={entry} value={entry} />
        ))}
      </datalist>
    </>
  );
}
