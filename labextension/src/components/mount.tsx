import '../classNames';
import '../../style/panel.css';

import createCache from '@emotion/cache';
import { CacheProvider } from '@emotion/react';
import type { IThemeManager } from '@jupyterlab/apputils';
import { DisposableDelegate, type IDisposable } from '@lumino/disposable';
import ThemeProvider from '@mui/material/styles/ThemeProvider';
import { Component, useEffect, useState, type ReactElement } from 'react';
import { createRoot } from 'react-dom/client';

import { labTheme } from '../theme';
import { CockpitView } from './CockpitView';
import { ServicesProvider, type IServices } from './context';
import { Reason } from './Reason';

/** Own key and first in the head: neither another MUI nor the lab's style sheets are touched by ours. */
const cache = createCache({ key: 'comfyui-cockpit', prepend: true });

export interface IFrameProps {
  services: IServices;
  themes: IThemeManager | null;
}

/** Renders the app into a node until disposed. */
export function mount(node: HTMLElement, frame: IFrameProps): IDisposable {
  const root = createRoot(node);
  root.render(
    <Frame {...frame}>
      <Fence services={frame.services}>
        <CockpitView />
      </Fence>
    </Frame>
  );
  return new DisposableDelegate(() => root.unmount());
}

interface IFenceProps {
  services: IServices;
  children: ReactElement;
}

/** Says so when a view fails, instead of leaving an empty home. */
class Fence extends Component<IFenceProps, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override render(): ReactElement {
    const { error } = this.state;
    const { trans } = this.props.services;
    return error === null ? (
      this.props.children
    ) : (
      <div className="jp-ComfyCockpit-body">
        <Reason
          summary={trans.__('The panel failed. Reload the page.')}
          detail={error.stack ?? error.message}
          hint={null}
          problem={null}
        />
      </div>
    );
  }
}

/** What every view needs around it, in a home or in a dialog. */
export function Frame(
  props: IFrameProps & { children: ReactElement }
): ReactElement {
  return (
    <CacheProvider value={cache}>
      <Themed themes={props.themes}>
        <ServicesProvider value={props.services}>
          {props.children}
        </ServicesProvider>
      </Themed>
    </CacheProvider>
  );
}

function Themed(props: {
  themes: IThemeManager | null;
  children: ReactElement;
}): ReactElement {
  const { themes, children } = props;
  const [theme, setTheme] = useState(labTheme);
  useEffect(() => {
    const update = () => setTheme(labTheme());
    themes?.themeChanged.connect(update);
    // The attribute changes where there is no theme manager too, and on the first load of the style sheet.
    const observer = new MutationObserver(update);
    observer.observe(document.body, {
      attributeFilter: ['data-jp-theme-name']
    });
    update();
    return () => {
      themes?.themeChanged.disconnect(update);
      observer.disconnect();
    };
  }, [themes]);
  return <ThemeProvider theme={theme}>{children}</ThemeProvider>;
}
