import { verifyLedger } from '../../src/ledger/index.ts';
const s=performance.now(); const v=verifyLedger(process.argv[2]!); console.log(v.ok,(performance.now()-s).toFixed(0));
