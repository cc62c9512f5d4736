import createTheme, { type Theme } from '@mui/material/styles/createTheme';

/**
 * The lab's theme as MUI 5 can take it. MUI computes with colours, so it gets values, not `var(--jp-…)`:
 * the theme is made anew whenever the lab's changes.
 */
export function labTheme(): Theme {
  const read = colourReader();
  const dark = document.body.dataset.jpThemeLight === 'false';
  const paper = read('--jp-layout-color1', dark ? '#111111' : '#ffffff');
  return createTheme({
    palette: {
      mode: dark ? 'dark' : 'light',
      background: { paper, default: paper },
      primary: { main: read('--jp-brand-color1', '#1976d2') },
      error: { main: read('--jp-error-color1', '#d32f2f') },
      warning: { main: read('--jp-warn-color1', '#f57c00') },
      success: { main: read('--jp-success-color1', '#388e3c') },
      text: {
        primary: read('--jp-ui-font-color1', dark ? '#ffffff' : '#212121'),
        secondary: read('--jp-ui-font-color2', dark ? '#b3b3b3' : '#616161')
      }
    },
    typography: { fontFamily: 'var(--jp-ui-font-family)', fontSize: 13 },
    shape: { borderRadius: 2 },
    spacing: 4,
    transitions: { create: () => 'none' },
    components: {
      MuiButtonBase: { defaultProps: { disableRipple: true } },
      MuiButton: {
        defaultProps: {
          size: 'small',
          variant: 'text',
          disableElevation: true
        },
        styleOverrides: {
          root: {
            minWidth: 0,
            padding: '0 6px',
            lineHeight: '20px',
            fontSize: 'var(--jp-ui-font-size1)',
            fontWeight: 400,
            textTransform: 'none',
            whiteSpace: 'nowrap',
            '&.Mui-focusVisible, &:focus-visible': FOCUS
          }
        }
      },
      MuiIconButton: {
        defaultProps: { size: 'small' },
        styleOverrides: {
          root: {
            padding: 2,
            borderRadius: 2,
            color: 'inherit',
            '&.Mui-focusVisible, &:focus-visible': FOCUS
          }
        }
      },
      MuiLinearProgress: {
        styleOverrides: {
          root: { height: 2, borderRadius: 0 },
          bar: { transition: 'none' },
          bar1Indeterminate: STILL,
          bar2Indeterminate: STILL
        }
      }
    }
  });
}

const FOCUS = {
  outline: '1px solid var(--jp-brand-color1)',
  outlineOffset: -1
};

const STILL = {
  '@media (prefers-reduced-motion: reduce)': {
    animation: 'none',
    width: '100%',
    // Full and in full colour it would look done.
    opacity: 0.4
  }
};

/** Reads a CSS variable as the `rgb(…)` that it means here and now. */
function colourReader(): (variable: string, fallback: string) => string {
  const style = getComputedStyle(document.body);
  const probe = document.createElement('span');
  return (variable, fallback) => {
    if (!style.getPropertyValue(variable).trim()) {
      return fallback;
    }
    probe.style.color = `var(${variable})`;
    document.body.append(probe);
    const colour = getComputedStyle(probe).color;
    probe.remove();
    return /^rgba?\(/.test(colour) ? colour : fallback;
  };
}
