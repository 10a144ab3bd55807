/**
 * The collection worker's entry: wires parser, scrubber and ledger in a thread of its own. It owns the only writing connection to the
 * ledger, so whatever happens in a run happens here, in order.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { collectors, declarations } from '../collectors/index.ts';
import type { Ledger, RunWriter } from '../ledger/index.ts';
import { openLedger } from '../ledger/index.ts';
import type { EvidenceSink, ListingKind } from '../model/index.ts';
import { KubevidenceError, reasonOf } from '../model/index.ts';
import type { Ingest, RecordingWriter } from '../sources/index.ts';
import { createIngest, openRecordingWriter, readFiles, replayRecording } from '../sources/index.ts';
import { loadLogSigner } from './keys.ts';
import type { CallMessage, CollectionWorker, ReplyMessage, WorkerSettings } from './worker-protocol.ts';

process.umask(0o077);
