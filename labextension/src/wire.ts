import type { components, operations } from './api';

type Schemas = components['schemas'];

export type Problem = Schemas['Problem'];
export type Job = Schemas['Job'];
export type ModelsStatus = Schemas['ModelsStatus'];
export type ModelStatus = Schemas['ModelStatus'];
export type BundleStatus = Schemas['BundleStatus'];
export type Selection = Schemas['Selection'];
export type VerifyRequest = Schemas['VerifyRequest'];
export type Plan = Schemas['Plan'];
export type PlanStep = Schemas['PlanStep'];
export type FileSystemNeed = Schemas['FileSystemNeed'];
export type DeclareRequest = Schemas['DeclareRequest'];
export type DeclareResult = Schemas['DeclareResult'];
export type RemoveResult = Schemas['RemoveResult'];
export type Doctor = Schemas['Doctor'];
export type DoctorCheck = Doctor['checks'][number];
export type FromWorkflowRequest = Schemas['FromWorkflowRequest'];
export type FromWorkflowResult = Schemas['FromWorkflowResult'];
export type FromTemplateRequest = Schemas['FromTemplateRequest'];
export type WorkflowFile = Schemas['WorkflowFile'];
export type UnreadNode = Schemas['UnreadNode'];
export type Templates = Schemas['Templates'];
export type Template = Schemas['Template'];
export type ValidateResult = Schemas['ValidateResult'];
export type Versions = Schemas['Versions'];
export type VersionStatus = Schemas['VersionStatus'];
export type VersionPlan = Schemas['VersionPlan'];
export type VersionStep = Schemas['VersionStep'];
export type CreateRequest = Schemas['CreateRequest'];
export type WrittenVersion = Schemas['WrittenVersion'];
export type VersionDiff = Schemas['VersionDiff'];
/** What of a version is deleted besides its builds. */
export type DeleteOptions = NonNullable<
  operations['deleteVersion']['parameters']['query']
>;
export type FreedResult = Schemas['FreedResult'];
export type RealizeResult = Schemas['RealizeResult'];
export type Health = Schemas['Health'];
export type SnapshotEvent = Schemas['SnapshotEvent'];
export type LogEvent = Schemas['LogEvent'];
export type ChangeEvent = Schemas['ChangeEvent'];

/**
 * What the server extension itself says about the daemon: `GET /comfyui-cockpit/server`.
 * It is not one of the daemon's routes, so it is not in the OpenAPI document.
 */
export interface IServerDocument {
  version: string;
  state: 'starting' | 'ready' | 'failed' | 'stopped';
  log: string[];
  /** False when anyone who reaches the address is let in. */
  authentication: boolean;
  cause: string | null;
}
