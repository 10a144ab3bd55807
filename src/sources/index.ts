export { type CredentialExpiry, expiryOf } from './live/credential-expiry.ts';
export { type ContextSummary, type KubeconfigOptions, listContexts } from './live/kubeconfig.ts';
export { type ClusterAccess, type ClusterOptions, resolveCluster } from './live/live-access.ts';
export { type LiveSource, openLiveSource } from './live/live.ts';
export type { ListingOutcome, PageFeed, PageResult, PlannedListing } from './live/live-listing.ts';
export type { HttpAnswer, LiveOptions, LiveProgress, LiveStats } from './live/live-requests.ts';
export { createIngest, type Ingest, type IngestOptions, type ListingEnd, type RawItem } from './ingest.ts';
export { createScrubber, type Scrubber, type ScrubOptions } from './scrub/scrub.ts';
export { type FileProblem, type FilesOptions, type FilesReport, readFiles } from './files/files.ts';
export {
  createRecordingSink,
  isRecording,
  type RecordedRun,
  type RecordingSink,
  type ReplayOptions,
  replayRecording,
} from './recording/recording.ts';
export type { RecordingEnd, RecordingHeader } from './recording/recording-format.ts';
export type { NodeCheck } from './files/files-nodes.ts';
export { collectNode, type NodeOptions, type NodeReading, withConfigz } from './node/collect-node.ts';
export { readConfigz, readKubeletAccess } from './node/configz.ts';
