/** The escalations that are performed: of each technique the rights that it needs, what takes them away, and how somebody goes about it. */
import type { Scenario } from './escalation.ts';
import { identityScenarios } from './escalation-identities.ts';
import { podScenarios } from './escalation-pods.ts';
import { rightScenarios } from './escalation-rights.ts';
import { settingScenarios } from './escalation-settings.ts';

export const scenarios: readonly Scenario[] = [...podScenarios, ...identityScenarios, ...rightScenarios, ...settingScenarios];
