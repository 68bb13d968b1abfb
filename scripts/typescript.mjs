/** Lets Node.js run TypeScript, or prints why it can't: `node --import ./scripts/typescript.mjs FILE`. */
try {
  await import('tsx');
} catch (error) {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
  console.error('The dependencies are not installed: run npm ci first.');
  process.exit(1);
}
