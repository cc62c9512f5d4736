import { NAME } from './tokens';

export const CommandIDs = {
  open: `${NAME}:open`,
  openWide: `${NAME}:open-wide`,
  installBundle: `${NAME}:install-bundle`,
  installMissing: `${NAME}:install-missing`,
  addModel: `${NAME}:add-model`,
  fromWorkflow: `${NAME}:from-workflow`,
  modelsOfFile: `${NAME}:models-of-file`,
  templates: `${NAME}:templates`,
  newVersion: `${NAME}:new-version`,
  realizeVersion: `${NAME}:realize-version`,
  collectGarbage: `${NAME}:collect-garbage`,
  doctor: `${NAME}:doctor`,
  verify: `${NAME}:verify`,
  restartDaemon: `${NAME}:restart-daemon`
} as const;
