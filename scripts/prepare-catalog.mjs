/** The last step of the build: parses the shipped YAML once, so that no command has to. */
import { writeFileSync } from 'node:fs';
import { prepareShippedCatalog } from '../dist/app/index.js';

writeFileSync(new URL('../dist/catalog/prepared.json', import.meta.url), await prepareShippedCatalog());
