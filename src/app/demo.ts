export async function runDemo(): Promise<never> { throw new Error('x'); }
