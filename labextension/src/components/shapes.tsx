import type { ReactElement } from 'react';

const PATHS = {
  check: 'M3 8.5l3.2 3.2L13 4.8',
  ring: 'M8 2.8a5.2 5.2 0 1 0 0 10.4A5.2 5.2 0 0 0 8 2.8z',
  clock: 'M8 2.8a5.2 5.2 0 1 0 0 10.4A5.2 5.2 0 0 0 8 2.8zM8 5v3.2l2 1.4',
  down: 'M8 2.5v8M4.5 7.2L8 10.7l3.5-3.5M3 13.5h10',
  lens: 'M7 2.8a4.2 4.2 0 1 0 0 8.4 4.2 4.2 0 0 0 0-8.4zM10.2 10.2l3.3 3.3',
  cross: 'M4 4l8 8M12 4l-8 8',
  warning: 'M8 2.5l6 10.8H2zM8 6.5v3.2M8 11.2v.6',
  unequal: 'M3 6h10M3 10h10M10.5 3l-5 10',
  menu: 'M8 3.2v.1M8 8v.1M8 12.7v.1',
  funnel: 'M2.5 4h11M4.5 8h7M6.5 12h3',
  right: 'M6 3.5l4.5 4.5L6 12.5',
  left: 'M10 3.5L5.5 8l4.5 4.5',
  lock: 'M4 7.2h8v5.8H4zM5.7 7.2V5.3a2.3 2.3 0 0 1 4.6 0v1.9',
  again: 'M12.8 8.4a4.8 4.8 0 1 1-1.6-4M11.4 1.8v2.8H8.6',
  note: 'M3.5 4.5h9M3.5 8h9M3.5 11.5h5'
} as const;

export type ShapeName = keyof typeof PATHS;

/** A line drawing in the colour of the text around it. Its meaning is always said in words beside it. */
export function Shape({ name }: { name: ShapeName }): ReactElement {
  return (
    <svg
      className="jp-ComfyCockpit-shape"
      viewBox="0 0 16 16"
      aria-hidden="true"
      focusable="false"
      data-shape={name}
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
