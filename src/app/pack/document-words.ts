/**
 * Words that reports and judgements use as values: outcomes, states, reasons, places. A person who is called like one of them keeps the
 * report whole. A test holds the list against the types.
 */
export const documentWords = `
A4 absent addressable after aks all annotations arguments attested auditPolicies automated before beforeGenesis benchmark
bindings bodies boolean broader cause changes clock cluster configuration configured consistent controls cover coverage covers
critical defect definitions deviation deviations eks error evidence exact exception exceptions exhibits expired fail failed
false files findings forbidden frameworks from gaps get gke group hidden high imported incomplete inconsistent inferred info
inForce input inside insufficientCoverage integrity interrupted ipe kind law leastPrivileged Letter limitations list literal low
manual medium Metadata missed names noDeviation None none noRun notApplicable notAssessed notBegun notJudged null number object
observed open openshift outcome over part partial pass paths person place planned policy provider providerResponsibility reason
rebound redacted redactions Request requested RequestResponse required requirements reviews revoked run running runs scheduled scope
sections segments sheets shortest some stale state string succeeded summary supporting text timeline timelines to true unknown
unproven unreachable unread unrecorded unused usage verification what
`;
