export async function createPackCommand(): Promise<never> { throw new Error('x'); }
