// The interface's types by their names; `openapi.d.ts` is generated from docs/reference/openapi.json.

import type { components } from "./openapi";

type Schemas = components["schemas"];

export type Session = Schemas["Session"];
export type Scope = Schemas["Scope"];
export type Role = Schemas["Role"];
export type Classification = Schemas["ClassificationItem"];
export type ClassificationPage = Schemas["ClassificationPage"];
export type Batch = Schemas["Batch"];
export type BatchItem = Schemas["BatchItem"];
export type Decision = Schemas["Decision"];
export type Reason = Schemas["Reason"];
export type Alarm = Schemas["AlarmItem"];
export type AlarmList = Schemas["AlarmList"];
export type Slide = Schemas["Slide"];
export type SlideState = Schemas["SlideState"];
export type SlidePage = Schemas["SlidePage"];
export type SlideCells = Schemas["SlideCells"];
export type SlideCut = Schemas["SlideCut"];
export type OperatingPoints = Schemas["OperatingPoints"];
export type OcclusionItem = Schemas["OcclusionItem"];
export type TrainingPatches = Schemas["TrainingPatches"];
export type CellReview = Schemas["CellReview"];
export type CellToReview = Schemas["CellToReview"];
export type SlideVerdict = Schemas["SlideVerdict"];
export type UserItem = Schemas["UserItem"];
export type UserList = Schemas["UserList"];
export type MadeUser = Schemas["MadeUser"];
export type SignInLink = Schemas["SignInLink"];
export type AuditItem = Schemas["AuditItem"];
export type AuditPage = Schemas["AuditPage"];
export type AuditVerification = Schemas["AuditVerification"];
export type Model = Schemas["ModelItem"];
export type ModelList = Schemas["ModelList"];
export type ModelVersion = Schemas["ModelVersion"];
export type ModelComparison = Schemas["ModelComparison"];
export type VersionList = Schemas["VersionList"];
export type PatchStatistics = Schemas["PatchStatistics"];
export type MeasureItem = Schemas["MeasureItem"];
export type PatchMeasure = Schemas["PatchMeasure"];
export type GatewayStatus = Schemas["GatewayStatus"];
export type CertificateStatus = Schemas["CertificateStatus"];
export type KeyItem = Schemas["KeyItem"];
export type KeyList = Schemas["KeyList"];
export type MadeKey = Schemas["MadeKey"];
