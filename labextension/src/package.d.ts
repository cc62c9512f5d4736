/** The one place of the version; the bundler takes nothing else of it. */
declare module '*/package.json' {
  export const version: string;
}
