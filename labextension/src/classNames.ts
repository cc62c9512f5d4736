import { unstable_ClassNameGenerator } from '@mui/material/className';

// Another extension may bring an MUI of its own: class names must not meet. Imported before any component.
unstable_ClassNameGenerator.configure(name => `cockpit-${name}`);
