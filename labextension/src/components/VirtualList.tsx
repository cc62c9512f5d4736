import {
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type FocusEvent,
  type KeyboardEvent,
  type ReactElement
} from 'react';

import { indexAt, RowHeights, windowOf } from '../windowing';

/** How long after a step by keyboard heights may still become known. */
const SETTLING_MS = 300;

/** Where nothing can be measured. */
const NO_LAYOUT = 900;

export interface IRowPlace {
  id: string;
  /** From 0. */
  index: number;
  count: number;
  /** The one row that Tab reaches. */
  current: boolean;
}

interface IVirtualListProps {
  ids: readonly string[];
  label: string;
  /** Renders an `li` with `data-model`. */
  row(place: IRowPlace): ReactElement;
}

/**
 * A list of any length, of which only what is seen is in the document. Rows may have any height. Arrow keys,
 * Page Up and Down, Home and End move from row to row. What is looked at stays where it is when the data change.
 */
export function VirtualList({
  ids,
  label,
  row
}: IVirtualListProps): ReactElement {
  const list = useRef<HTMLUListElement>(null);
  const [heights, setHeights] = useState(() => new RowHeights());
  /** What is known by now; the state may lag behind while updates wait for their turn. */
  const known = useRef(heights);
  const [view, setView] = useState({ top: 0, height: NO_LAYOUT });
  const [chosen, setChosen] = useState<string | null>(null);
  /** A row that gets the focus as soon as it is in the document. */
  const wanted = useRef<string | null>(null);
  /** A row that stays wholly seen until the heights around it are known. */
  const settling = useRef<{ id: string; until: number } | null>(null);
  /** Whether the focus was within the list. */
  const focused = useRef(false);
  const anchor = useRef<{ id: string; y: number } | null>(null);

  const offsets = useMemo(() => heights.offsets(ids), [ids, heights]);
  const { first, end } = windowOf(offsets, view.top, view.height);
  const current = chosen !== null && ids.includes(chosen) ? chosen : ids[0];

  /** Takes over where the list is scrolled to, and what is looked at. */
  const look = useCallback(() => {
    const node = list.current;
    const body = node && scrollerOf(node);
    if (!node || !body) {
      return;
    }
    const top = above(node, body);
    const height = body.clientHeight || NO_LAYOUT;
    const index = indexAt(offsets, top);
    const id = ids[index];
    anchor.current =
      top > 0 && id !== undefined
        ? { id, y: (offsets[index] ?? 0) - top }
        : null;
    setView(before =>
      before.top === top && before.height === height ? before : { top, height }
    );
  }, [ids, offsets]);

  useEffect(() => {
    const body = list.current && scrollerOf(list.current);
    body?.addEventListener('scroll', look, { passive: true });
    return () => body?.removeEventListener('scroll', look);
  }, [look]);

  // No function of the state before: React applies one anew in each render until its turn has come, and each result would be another object.
  const learn = useCallback((next: RowHeights) => {
    if (next !== known.current) {
      known.current = next;
      setHeights(next);
    }
  }, []);

  const measure = useCallback(() => {
    const measured = rowsIn(list.current).map(
      ([id, node]) => [id, node.getBoundingClientRect().height] as const
    );
    learn(known.current.with(measured));
  }, [learn]);

  useEffect(() => {
    const node = list.current;
    const body = node && scrollerOf(node);
    if (!body || typeof ResizeObserver === 'undefined') {
      return;
    }
    let width = 0;
    const observer = new ResizeObserver(() => {
      if (body.clientWidth !== width) {
        // Rows have other heights now, seen ones and unseen ones.
        width = body.clientWidth;
        learn(new RowHeights());
      }
      measure();
      const height = body.clientHeight || NO_LAYOUT;
      setView(before =>
        before.height === height ? before : { ...before, height }
      );
    });
    observer.observe(body);
    observer.observe(node);
    return () => observer.disconnect();
  }, [learn, measure]);

  // After each change: keep what is looked at in its place, learn the heights, give the focus.
  useLayoutEffect(() => {
    const node = list.current;
    const body = node && scrollerOf(node);
    if (!node || !body) {
      return;
    }
    const kept = anchor.current;
    const index = kept ? ids.indexOf(kept.id) : -1;
    const still = settling.current;
    const settled = still === null || performance.now() > still.until;
    if (settled && kept && index >= 0) {
      const moved = (offsets[index] ?? 0) - above(node, body) - kept.y;
      if (Math.abs(moved) >= 1) {
        scrollOn(body, moved);
      }
    }
    measure();
    const rows = new Map(rowsIn(node));
    if (!settled) {
      rows.get(still.id)?.scrollIntoView?.({ block: 'nearest' });
    }
    const target = wanted.current ? rows.get(wanted.current) : undefined;
    if (target) {
      wanted.current = null;
      target.focus({ preventScroll: true });
    } else if (focused.current && !node.contains(document.activeElement)) {
      // Its row was scrolled away: the keyboard goes on from the list.
      focused.current = false;
      node.focus({ preventScroll: true });
    }
  }, [ids, offsets, first, end, current, measure]);

  const goTo = (index: number) => {
    const node = list.current;
    const body = node && scrollerOf(node);
    const id = ids[index];
    if (!node || !body || id === undefined) {
      return;
    }
    wanted.current = id;
    settling.current = { id, until: performance.now() + SETTLING_MS };
    setChosen(id);
    const seen = above(node, body);
    const top = offsets[index] ?? 0;
    const bottom = offsets[index + 1] ?? top;
    const height = body.clientHeight || NO_LAYOUT;
    if (top < seen) {
      scrollOn(body, top - seen);
    } else if (bottom > seen + height) {
      scrollOn(body, bottom - height - seen);
    }
    if (body.clientHeight === 0) {
      setView({ top: Math.max(0, bottom - height), height });
    } else {
      look();
    }
  };

  const onKeyDown = (event: KeyboardEvent<HTMLUListElement>) => {
    const at = current === undefined ? 0 : ids.indexOf(current);
    const page = Math.max(1, Math.floor((end - first) / 2));
    const steps: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: ids.length - 1
    };
    const next = steps[event.key];
    if (next !== undefined) {
      event.preventDefault();
      goTo(Math.min(ids.length - 1, Math.max(0, next)));
    }
  };

  const onFocus = (event: FocusEvent<HTMLUListElement>) => {
    focused.current = true;
    const id = event.target.closest<HTMLElement>('[data-model]')?.dataset.model;
    if (id !== undefined) {
      setChosen(id);
    }
  };

  return (
    <ul
      ref={list}
      className="jp-ComfyCockpit-list"
      aria-label={label}
      tabIndex={-1}
      style={{
        paddingTop: offsets[first],
        paddingBottom: (offsets[ids.length] ?? 0) - (offsets[end] ?? 0)
      }}
      onKeyDown={onKeyDown}
      onFocus={onFocus}
      onBlur={event => {
        // Without a next element, the row was taken from the document.
        focused.current =
          event.relatedTarget === null && !document.hasFocus()
            ? false
            : event.currentTarget.contains(event.relatedTarget);
      }}
    >
      {ids.slice(first, end).map((id, offset) =>
        row({
          id,
          index: first + offset,
          count: ids.length,
          current: id === current
        })
      )}
    </ul>
  );
}

/** Enter on a row does what its button does. */
export function pressAction(event: KeyboardEvent<HTMLElement>): void {
  if (event.key === 'Enter' && event.target === event.currentTarget) {
    const selector = '.jp-ComfyCockpit-action button';
    event.currentTarget.querySelector<HTMLElement>(selector)?.click();
  }
}

function scrollerOf(node: HTMLElement): HTMLElement | null {
  return node.closest<HTMLElement>('.jp-ComfyCockpit-body');
}

/** How much of the list is scrolled away; below 0 while something above it is seen. */
function above(list: HTMLElement, scroller: HTMLElement): number {
  return (
    scroller.getBoundingClientRect().top - list.getBoundingClientRect().top
  );
}

function scrollOn(scroller: HTMLElement, by: number): void {
  scroller.scrollTop += by;
}

function rowsIn(list: HTMLElement | null): [string, HTMLElement][] {
  return [...(list?.children ?? [])].flatMap(
    (child): [string, HTMLElement][] =>
      child instanceof HTMLElement && child.dataset.model
        ? [[child.dataset.model, child]]
        : []
  );
}
