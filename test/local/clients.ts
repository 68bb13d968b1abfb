/** Options of an SDK client that talks to a local service and never to AWS. */
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

export const clientOf = (service: { url: string }) => ({
  endpoint: service.url,
  region: 'us-east-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  maxAttempts: 1,
});
